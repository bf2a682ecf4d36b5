"""Hide what Colab does not have: put into the environment that stands for it (check_notebooks.py).

Beside this file lies ``hidden.json``, a list of names of modules.
"""

import json
import sys
from importlib.machinery import PathFinder
from pathlib import Path


class Guard(PathFinder):
    """Finds modules as Python does, but for the hidden ones."""

    hidden = frozenset(json.loads(Path(__file__).with_name("hidden.json").read_text()))

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in cls.hidden:
            return None
        return super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Guard
