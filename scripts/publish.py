"""Put the built site onto the branch gh-pages, from which GitHub Pages shows it.

usage: python scripts/publish.py [--remote origin] [--branch gh-pages] [SITE]

The branch holds one commit without a parent: what was published before can be built again from
its own commit, and years of figures would make each clone slow. Needs Python and git, nothing else.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "site"
# without .nojekyll, GitHub Pages would leave out the folders whose names begin with _
NEEDED = ("index.html", "404.html", ".nojekyll")


def git(*arguments: str, environment: dict | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=ROOT,
        env=dict(os.environ, **(environment or {})),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"git {arguments[0]} failed, and nothing was published:\n{done.stderr.strip()}")
    return done.stdout.strip()


def commit(site: Path) -> str:
    """A commit that holds the site and nothing else, in the name of the commit it was built from."""
    built, author, mail = git("log", "-1", "--format=%H%n%an%n%ae").split("\n")
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": str(Path(folder, "index")), "GIT_WORK_TREE": str(site)}
        for role in ("AUTHOR", "COMMITTER"):
            own |= {f"GIT_{role}_NAME": author, f"GIT_{role}_EMAIL": mail}
        own["GIT_DIR"] = git("rev-parse", "--absolute-git-dir")
        git("add", "--all", "--force", ".", environment=own)
        tree = git("write-tree", environment=own)
        return git("commit-tree", tree, "-m", f"The site of commit {built}", environment=own)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", nargs="?", type=Path, default=SITE, help="folder of the site")
    parser.add_argument("--remote", default="origin")
    parser.add_argument("--branch", default="gh-pages")
    arguments = parser.parse_args()
    missing = [name for name in NEEDED if not (arguments.site / name).is_file()]
    if missing:
        sys.exit(f"{arguments.site} is no finished site, it lacks {', '.join(missing)}: make book")
    made = commit(arguments.site.resolve())
    git("push", "--force", arguments.remote, f"{made}:refs/heads/{arguments.branch}")
    print(f"published {made[:12]} on {arguments.branch}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
