"""Templates of the theme are compiled once, not again in each build."""

from __future__ import annotations

from pathlib import Path

from jinja2 import FileSystemBytecodeCache


def keep_compiled(app) -> None:
    if app.builder.format != "html":
        return
    folder = Path(app.doctreedir) / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    app.builder.templates.environment.bytecode_cache = FileSystemBytecodeCache(str(folder))


def setup(app):
    app.connect("builder-inited", keep_compiled)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
