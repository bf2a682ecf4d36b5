"""A reader's own picture: in Colab, in Jupyter, in a terminal, and where nobody answers."""

import io
import sys
from types import ModuleType

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

from iip_lib.data import photo, upload_image


def picture(format="PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 2), (255, 0, 51)).save(buffer, format)
    return buffer.getvalue()


def is_the_picture(image) -> bool:
    colour = torch.tensor([1.0, 0.0, 0.2])[:, None, None]
    return image.shape == (3, 2, 4) and torch.allclose(image, colour.expand(3, 2, 4))


@pytest.fixture
def colab(monkeypatch):
    """Colab's module, which gives `chosen` as if a reader had chosen it."""

    def give(chosen):
        files = ModuleType("google.colab.files")
        files.upload = lambda: chosen
        package = ModuleType("google.colab")
        package.files = files
        monkeypatch.setitem(sys.modules, "google.colab", package)
        monkeypatch.setitem(sys.modules, "google.colab.files", files)

    return give


def answer(monkeypatch, text):
    asked = []

    def reply(prompt):
        asked.append(prompt)
        return text

    monkeypatch.setattr("builtins.input", reply)
    return asked


def test_in_colab_the_chosen_file_is_read(colab):
    colab({"my picture.png": picture()})
    assert is_the_picture(upload_image("coffee"))


def test_in_colab_without_a_choice(colab):
    colab({})
    assert torch.equal(upload_image("coffee"), photo("coffee"))


def test_in_colab_a_file_that_is_no_picture_is_named(colab):
    colab({"letter.docx": b"no picture"})
    with pytest.raises(ValueError, match=r"letter\.docx"):
        upload_image("coffee")


@pytest.mark.parametrize("around", ["{}", " {} ", "'{}'", '"{}"'])
def test_a_path_is_asked_for(monkeypatch, tmp_path, around):
    path = tmp_path / "mine.png"
    path.write_bytes(picture())
    asked = answer(monkeypatch, around.format(path))
    assert is_the_picture(upload_image("coffee"))
    assert asked == ["file [coffee]: "]


def test_enter_alone_takes_the_photograph(monkeypatch):
    answer(monkeypatch, "")
    assert torch.equal(upload_image("coins"), photo("coins"))


def test_a_path_that_leads_nowhere_is_named(monkeypatch):
    answer(monkeypatch, "nowhere.png")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        upload_image("coffee")


def test_nothing_is_asked_unless_wanted(monkeypatch, colab):
    asked = answer(monkeypatch, "nowhere.png")
    colab({"mine.png": picture()})
    assert torch.equal(upload_image("coffee", ask=False), photo("coffee"))
    assert asked == []


def test_a_wrong_name_is_seen_before_anybody_is_asked(monkeypatch):
    asked = answer(monkeypatch, "")
    with pytest.raises(ValueError, match="lena"):
        upload_image("lena")
    assert asked == []


def test_in_a_kernel_without_a_reader():
    """As when the book is built: the question is refused, the photograph is taken."""
    code = "from iip_lib.data import upload_image\nprint(tuple(upload_image('coffee').shape))"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.text == "(3, 400, 600)\n"
