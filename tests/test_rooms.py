"""The rooms of the library: who may import whom, and what is public."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import iip_lib

LIBRARY = Path(iip_lib.__file__).parent

# What a room may import, besides Python's own library.
THIRD_PARTIES = {
    "__init__": set(),
    "data/__init__": {"iip_lib"},
    "data/_files": {"PIL", "numpy", "torch"},
    "data/batches": {"iip_lib", "numpy", "sklearn", "torch", "torchvision"},
    "data/folders": {"iip_lib", "torch", "torchvision", "tqdm"},
    "data/photos": {"numpy", "skimage", "torch"},
    "data/pictures": {"iip_lib", "torch"},
    "data/shapes": {"iip_lib", "numpy", "skimage", "torch", "torchvision"},
    "data/textures": {"iip_lib", "numpy", "torch", "torchvision"},
    "explain": {"sklearn", "torch"},
    "models/__init__": {"iip_lib"},
    "models/_checks": {"torch"},
    "models/alexnet": {"iip_lib", "torch"},
    "models/googlenet": {"iip_lib", "torch"},
    "models/lenet": {"torch"},
    "models/mobilenet": {"iip_lib", "torch"},
    "models/resnet": {"iip_lib", "torch"},
    "models/unet": {"iip_lib", "torch"},
    "models/vgg": {"iip_lib", "torch"},
    "ops": {"torch"},
    "train": {"accelerate", "torch", "torchmetrics", "tqdm"},
    "viz": {"matplotlib", "numpy", "torch"},
}
PYTHON = {
    "collections",
    "concurrent",
    "contextlib",
    "dataclasses",
    "functools",
    "math",
    "operator",
    "os",
    "pathlib",
    "time",
    "typing",
    "warnings",
}

PUBLIC = {
    "data/batches": ["Loaders", "collate", "loaders"],
    "data/folders": ["FolderDataset"],
    "data/photos": ["photo"],
    "data/pictures": ["read_image"],
    "data/shapes": ["ShapesDataset"],
    "data/textures": ["TexturesDataset"],
    "models/alexnet": ["AlexNet"],
    "models/googlenet": ["GoogLeNet", "Inception", "InceptionAux"],
    "explain": [
        "activation_maximization",
        "cam",
        "grad_cam",
        "lime",
        "occlusion",
        "record",
        "rise",
    ],
    "models/lenet": ["LeNet"],
    "models/mobilenet": ["InvertedResidual", "MobileNetV2"],
    "models/resnet": [
        "BasicBlock",
        "Bottleneck",
        "ResNet",
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet_small",
    ],
    "models/unet": ["UNet"],
    "models/vgg": ["VGG", "vgg11", "vgg16", "vgg19"],
    "ops": [
        "affine_grid",
        "avg_pool2d",
        "batch_norm2d",
        "box_iou",
        "conv2d",
        "conv_transpose2d",
        "cross_entropy",
        "grid_sample",
        "max_pool2d",
        "nms",
        "resize_bilinear",
    ],
    "train": ["History", "evaluate", "fit", "per_device", "train_one_epoch"],
    "viz": [
        "plot_decision_boundary",
        "plot_history",
        "show_boxes",
        "show_confusion_matrix",
        "show_feature_maps",
        "show_filters",
        "show_images",
        "show_keypoints",
        "show_masks",
        "show_numbers",
        "show_overlay",
    ],
}
NAMES = [(room, name) for room, names in PUBLIC.items() for name in names]
TYPES = {"Batches", "LossFunction", "Outline", "T"}


def room_of(path):
    return importlib.import_module(f"iip_lib.{path.replace('/', '.')}")


def imported(path):
    """The packages that a file imports, relative imports as iip_lib."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "iip_lib" if node.level else node.module.split(".")[0]


def test_every_file_is_a_known_room():
    rooms = {path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py")}
    assert rooms == {f"{room}.py" for room in THIRD_PARTIES}


@pytest.mark.parametrize("room", THIRD_PARTIES)
def test_a_room_imports_only_what_it_may(room):
    assert set(imported(LIBRARY / f"{room}.py")) <= THIRD_PARTIES[room] | PYTHON


@pytest.mark.parametrize("room", PUBLIC)
def test_public_names(room):
    module = room_of(room)
    assert module.__all__ == PUBLIC[room]
    own = {
        name
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", None) == module.__name__ and not name.startswith("_")
    }
    assert own - TYPES == set(PUBLIC[room])


@pytest.mark.parametrize("folder", ["data", "models"])
def test_a_room_of_several_files_only_imports_itself(folder):
    """A relative import in a room would reach another room; in a folder it stays inside."""
    for path in (LIBRARY / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1, path
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                assert "iip_lib" not in ast.unparse(node), path


def test_names_in_a_folder_are_imported_from_their_room():
    for room, names in PUBLIC.items():
        if "/" in room:
            for name in names:
                assert getattr(room_of(room.partition("/")[0]), name) is getattr(
                    room_of(room), name
                )


def test_the_map_names_every_room():
    for room in PUBLIC:
        assert f"``{room.partition('/')[0]}``" in iip_lib.__doc__


@pytest.mark.parametrize(("room", "name"), NAMES)
def test_docstrings(room, name):
    function = getattr(room_of(room), name)
    text = inspect.getdoc(function)
    for part in ("Args:", "Returns:", "Raises:", "Example:", ">>> ", "Source:"):
        assert part in text, part
    last = text.splitlines()[-1]
    assert re.fullmatch(r"Taught in: book/\w+/\w+\.md", last)
    for argument in inspect.signature(function).parameters:
        assert f"    {argument}: " in text, argument
