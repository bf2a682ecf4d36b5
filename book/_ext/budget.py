"""The page "Budget": what each chapter costs, against limits that hold on any machine.

Seconds, memory and downloads were noted when the chapters were executed (scripts/execute.py), the
weight of a page is measured on the written page (weight.py). The limits are the setting `budget` in
``_config.yml``; ``scripts/check_book.py`` holds the finished site to them. Seconds depend on the
machine: they are shown beside their aim, and fail nothing.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from results import stamp
from sidebar import parts_of_the_book
from sphinx.locale import _
from weight import Weight, weigh

KILOBYTE = 1000


@dataclass(frozen=True)
class Cost:
    """What a page costs; without results of execution (a preview, a page without code) None."""

    weight: Weight
    seconds: float | None = None
    mebibytes: int | None = None
    downloads: int | None = None
    online: bool = False  # downloads are allowed then


def cost(build: Path, page: str, weight: Weight) -> Cost:
    """The cost of a page from its weight and what its execution noted below `build`."""
    path = stamp(build, page)
    data = json.loads(path.read_text()) if path.exists() else {}
    return Cost(
        weight,
        data.get("execution_seconds"),
        data.get("megabytes"),
        data.get("downloads"),
        data.get("online", False),
    )


def complaint(name: str, has: int | None, what: str, limits: dict, advice: str) -> list[str]:
    """One line if a limit is passed: what there is, what is allowed, what to do."""
    if has is None or has <= limits[name]:
        return []
    return [f"takes {has} {what}, the limit is {limits[name]} (`{name}` in _config.yml): {advice}"]


def passed_by_execution(cost: Cost, limits: dict) -> list[str]:
    """Limits that a chapter passes when it is executed."""
    connections = None if cost.online else cost.downloads
    what, advice = "connections to other hosts", "download only where IIP_ONLINE is 1"
    return [
        *complaint(
            "memory_mebibytes",
            cost.mebibytes,
            "MiB of memory",
            limits,
            "use smaller batches or pictures",
        ),
        *complaint("downloads", connections, what, limits, advice),
    ]


def passed_by_page(cost: Cost, limits: dict) -> list[str]:
    """Limits that a page passes when a browser loads it."""
    kilobytes, what = math.ceil(cost.weight.total / KILOBYTE), "kB with all that it loads"
    advice = "show fewer or smaller pictures"
    return [
        *complaint("page_kilobytes", kilobytes, what, limits, advice),
        *complaint("page_requests", cost.weight.requests, "files to load", limits, advice),
    ]


def note_that_pages_were_written(app):
    app.builder.pages_were_written = True
    return []


def write_page(app, exception) -> None:
    """Last of all, when everything that the pages load lies in its place.

    When no page was written, the budget is still that of the build before.
    """
    if exception or not getattr(app.builder, "pages_were_written", False):
        return
    folder, costs = Path(app.outdir), {}
    chapters = [page for part in parts_of_the_book(app) for page in part.titles]
    for page in [app.config.root_doc, *chapters]:
        path = folder / f"{page}.html"
        if path.exists():  # a preview writes only one
            costs[page] = cost(Path(app.srcdir) / "_build", page, weigh(folder, path))
    seconds = [c.seconds for c in costs.values() if c.seconds is not None]
    context = {
        "title": _("Budget"),
        "costs": costs,
        "limits": app.config.budget,
        "online": any(c.online for c in costs.values()),
        "kilobyte": KILOBYTE,
        "average": sum(seconds) / len(seconds) if seconds else None,
        "longest": max(seconds, default=None),
    }
    app.builder.handle_page("budget", context, "budget.html")


def setup(app):
    app.add_config_value("budget", {}, "html")
    app.connect("html-collect-pages", note_that_pages_were_written)
    app.connect("build-finished", write_page, priority=950)  # after all that pages load is there
    return {"parallel_read_safe": True, "parallel_write_safe": True}
