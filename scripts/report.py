"""Open an issue for each chapter that the weekly run found broken, and for each job that failed.

usage: JOBS='{"newest": {"result": "failure"}, ...}' python scripts/report.py LOGS

LOGS holds `log-<job>.txt`. Who is told already is told again in the same issue, while it is open.
Needs Python and GitHub's program `gh`, nothing else.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

# `book/images/pixels.md:12: code cell 3 failed: …`, `ja/book/images/pixels.ipynb: code cell 3 …`
CHAPTER = re.compile(r"^.{0,120}?\b(book/[\w/]+)\.(?:md|ipynb)\b(.*)$")
CELL = re.compile(r"\bcell (\d+)")
TEST = re.compile(r"^(?:FAILED|ERROR) ")
LINES_SHOWN = 40


def chapters(log: str) -> dict[str, list[str]]:
    """The lines that name a chapter and say what is wrong with it."""
    found = defaultdict(list)
    for line in log.splitlines():
        match = CHAPTER.match(line)
        if match and re.search(r"\bcell \d+ failed|\bbroken\b", line) and line not in found:
            found[match[1]].append(line.strip())
    return {chapter: list(dict.fromkeys(lines)) for chapter, lines in found.items()}


def title(chapter: str, lines: list[str]) -> str:
    cells = sorted({int(number) for line in lines for number in CELL.findall(line)})
    named = f", code cell {', '.join(map(str, cells))}" if cells else ""
    return f"Weekly run: {chapter}{named}"


def reports(jobs: dict, logs: Path) -> dict[str, list[str]]:
    """Titles of the issues to open, each with its lines."""
    of_chapters: dict[str, list[str]] = defaultdict(list)
    of_jobs: dict[str, list[str]] = {}
    for job in sorted(name for name, job in jobs.items() if job["result"] == "failure"):
        file = logs / f"log-{job}.txt"
        log = file.read_text("utf-8", errors="replace") if file.exists() else ""
        found = chapters(log)
        for chapter, lines in found.items():
            of_chapters[chapter] += [f"{job}: {line}" for line in lines]
        if not found:
            lines = log.splitlines()
            tests = [line for line in lines if TEST.match(line)]
            of_jobs[f"Weekly run: {job}"] = tests or lines[-LINES_SHOWN:] or ["it left no log"]
    return {title(chapter, lines): lines for chapter, lines in of_chapters.items()} | of_jobs


def gh(*arguments: str, text: str | None = None) -> str:
    done = subprocess.run(
        ["gh", *arguments], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"gh {' '.join(arguments[:2])} failed:\n{done.stderr.strip()}")
    return done.stdout


def main() -> int:
    if len(sys.argv) != 2 or "JOBS" not in os.environ:
        sys.exit(__doc__)
    server, repository, run = (
        os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    listing = ["--state", "open", "--limit", "1000", "--json", "number,title"]
    open_issues = json.loads(gh("issue", "list", *listing))
    # the same chapter may fail at another cell now: it is still the same issue
    known = {issue["title"].split(",")[0]: str(issue["number"]) for issue in open_issues}
    for name, lines in reports(json.loads(os.environ["JOBS"]), Path(sys.argv[1])).items():
        shown = "\n".join(line[:500].replace("```", "'''") for line in lines[:LINES_SHOWN])
        body = f"{server}/{repository}/actions/runs/{run}\n\n```text\n{shown}\n```\n"
        number = known.get(name.split(",")[0])
        if number:
            gh("issue", "comment", number, "--body-file", "-", text=body)
        else:
            gh("issue", "create", "--title", name, "--body-file", "-", text=body)
        print(name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
