"""A picture that the reader chooses, wherever the reader is."""

import tempfile
from pathlib import Path

from torch import Tensor

from .photos import photo
from .pictures import read_image

__all__ = ["upload_image"]


def upload_image(instead: str, *, ask: bool = True) -> Tensor:
    """A reader's own picture, or a photograph where nobody answers.

    - In Colab a button opens a file of the reader's computer.
    - In Jupyter and in a terminal the path of a file is asked for; a bare Enter is no answer.
    - Where nobody can answer, as when the book is built, nothing is asked.

    Args:
        instead: name of the photograph (see `photo`) that is taken where nobody answers.
        ask: False takes it at once, so that a notebook runs to its end by itself.

    Returns:
        float32 (3, H, W) in [0, 1], or (1, H, W) if the photograph `instead` is grey.

    Raises:
        ValueError: there is no photograph `instead`; or the file is no picture (see `read_image`).
        FileNotFoundError: there is no file at the path that was given.

    Example:
        >>> upload_image("coffee", ask=False).shape
        torch.Size([3, 400, 600])

    Source:
        google.colab.files, https://colab.research.google.com/notebooks/io.ipynb

    Taught in: book/images/pixels.md
    """
    photograph = photo(instead)  # first: a wrong name is seen before anybody is asked
    if not ask:
        return photograph
    try:
        from google.colab import files
    except ImportError:
        path = _path(instead)
        return read_image(path) if path else photograph
    chosen = files.upload()  # name: bytes; empty if the reader cancels
    if not chosen:
        return photograph
    with tempfile.TemporaryDirectory() as folder:
        name, content = next(iter(chosen.items()))
        path = Path(folder) / Path(name).name  # errors name the reader's file
        path.write_bytes(content)
        return read_image(path)


def _path(default: str) -> str:
    """What the reader types, without the quotation marks that file managers copy along."""
    try:
        return input(f"file [{default}]: ").strip().strip("'\"")
    except (EOFError, NotImplementedError, OSError):  # no terminal, or a kernel without a reader
        return ""
