"""Run the tests: style, the library while the book is built, the book, the browser.

usage: python scripts/test.py [--lint] [PYTEST ARGUMENT ...]

--lint stops after style and spelling. Other arguments are pytest's, for instance `-m slow`. Without
them all quick tests run, in one process more than there are cores, four at most.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from book import ROOT, run, say, tracked

LARGEST_FILE = 500_000  # bytes; data and built pages do not belong into the repository
LARGER = {"iip_lib/models/backbone.safetensors": 10_000_000}

SCHEMAS = {  # of check-jsonschema, which has them with it: no network is needed
    "vendor.github-workflows": "workflows/*.yml",
    "custom.github-workflows-require-timeout": "workflows/*.yml",
    "vendor.github-actions": "actions/*/action.yml",
    "vendor.github-issue-forms": "ISSUE_TEMPLATE/[!c]*.yml",
    "vendor.github-issue-config": "ISSUE_TEMPLATE/config.yml",
    "vendor.dependabot": "dependabot.yml",
}


def lint() -> list[str]:
    """Names of the checks of style that failed."""
    checks = {
        "ruff check": ["ruff", "check", "--quiet", "."],
        "ruff format": ["ruff", "format", "--check", "--quiet", "."],
        "codespell": [
            "codespell_lib",
            *tracked(".md", ".py", ".yml", ".toml", ".cff", ".html", ".css", ".js"),
        ],
    }
    failed = [
        name
        for name, command in checks.items()
        if subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
    ]
    failed += check_github(ROOT)
    for name in tracked():
        largest = LARGER.get(name, LARGEST_FILE)
        if (ROOT / name).stat().st_size > largest:
            say(f"{name} is larger than {largest} bytes")
            failed.append("large files")
    return failed


def check_github(root: Path) -> list[str]:
    """Names of the checks that found something in what GitHub reads: form, and safety."""
    files = {name: sorted((root / ".github").glob(pattern)) for name, pattern in SCHEMAS.items()}
    commands = {
        name: ["check-jsonschema", "--quiet", "--builtin-schema", name, *map(str, found)]
        for name, found in files.items()
        if found
    }
    commands["zizmor"] = [
        "zizmor",
        "--offline",
        "--quiet",
        "--pedantic",
        "--strict-collection",
        str(root / ".github"),
    ]
    failed = []
    for name, (program, *arguments) in commands.items():
        line = [Path(sys.executable).with_name(program), *arguments]
        done = subprocess.run(line, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            say(done.stdout + done.stderr)
            failed.append(name)
    return failed


def in_parallel() -> tuple[list[str], dict[str, str]]:
    """pytest's arguments, and the environment, for tests in several processes, file by file."""
    cores = os.cpu_count() or 1
    # one more than cores: one of them waits, for the book that is built or for a browser
    processes = min(cores + 1, 4)
    threads = max(cores // processes, 1)  # of torch: the processes would wait for each other's
    arguments = ["-n", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
    return arguments, dict(os.environ, OMP_NUM_THREADS=str(threads))


def main() -> int:
    arguments = sys.argv[1:]
    failed = lint()
    if failed or arguments == ["--lint"]:
        say(f"style: {', '.join(failed)} failed" if failed else "style: fine")
        return 1 if failed else 0
    environment = None
    if not arguments:
        arguments, environment = in_parallel()
    marks = [] if any(a.startswith("-m") for a in arguments) else ["-m", "not slow"]
    command = [sys.executable, "-m", "pytest", *marks, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    run(main)
