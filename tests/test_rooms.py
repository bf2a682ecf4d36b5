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
    "data/uploads": {"google", "iip_lib", "torch"},
    "explain/__init__": {"iip_lib"},
    "explain/_checks": {"torch"},
    "explain/_logits": {"iip_lib", "torch"},
    "explain/_outputs": {"torch"},
    "explain/_precision": {"torch"},
    "explain/_state": {"torch"},
    "explain/activation_maximization": {"iip_lib", "torch"},
    "explain/cam": {"iip_lib", "torch"},
    "explain/grad_cam": {"iip_lib", "torch"},
    "explain/lime": {"iip_lib", "sklearn", "torch"},
    "explain/occlusion": {"iip_lib", "torch"},
    "explain/record": {"iip_lib", "torch"},
    "explain/rise": {"iip_lib", "torch"},
    "data/textures": {"iip_lib", "numpy", "torch", "torchvision"},
    "models/__init__": {"iip_lib"},
    "models/_checks": {"torch"},
    "models/alexnet": {"iip_lib", "torch"},
    "models/autoencoder": {"iip_lib", "torch"},
    "models/backbone": {"iip_lib", "safetensors", "torch"},
    "models/efficientnet": {"iip_lib", "torch"},
    "models/googlenet": {"iip_lib", "torch"},
    "models/lenet": {"iip_lib", "torch"},
    "models/mobilenet": {"iip_lib", "torch"},
    "models/resnet": {"iip_lib", "torch"},
    "models/unet": {"iip_lib", "torch"},
    "models/vgg": {"iip_lib", "torch"},
    "ops/__init__": {"iip_lib"},
    "ops/_checks": {"torch"},
    "ops/_windows": set(),
    "ops/boxes": {"iip_lib", "torch"},
    "ops/convolution": {"iip_lib", "torch"},
    "ops/losses": {"iip_lib", "torch"},
    "ops/normalization": {"iip_lib", "torch"},
    "ops/pooling": {"iip_lib", "torch"},
    "ops/resampling": {"iip_lib", "torch"},
    "train/__init__": {"iip_lib"},
    "train/_checks": {"torch"},
    "train/batches": {"accelerate", "iip_lib", "torch"},
    "train/checkpoint": {"accelerate", "numpy", "safetensors", "torch"},
    "train/history": set(),
    "train/loop": {"accelerate", "iip_lib", "torch", "torchmetrics", "tqdm"},
    "train/machine": {"torch"},
    "train/placement": {"accelerate", "iip_lib", "torch"},
    "train/randomness": {"numpy", "torch"},
    "train/resume": {"accelerate", "iip_lib", "torch"},
    "viz/__init__": {"iip_lib"},
    "viz/_cells": {"iip_lib", "matplotlib", "numpy"},
    "viz/_figures": {"matplotlib", "torch"},
    "viz/_look": {"matplotlib", "numpy"},
    "viz/_tensors": {"torch"},
    "viz/boxes": {"iip_lib", "matplotlib", "torch"},
    "viz/confusion": {"iip_lib", "matplotlib", "torch"},
    "viz/decision": {"iip_lib", "matplotlib", "torch"},
    "viz/filters": {"iip_lib", "matplotlib", "torch"},
    "viz/history": {"iip_lib", "matplotlib", "numpy"},
    "viz/images": {"iip_lib", "matplotlib", "torch"},
    "viz/keypoints": {"iip_lib", "matplotlib", "torch"},
    "viz/maps": {"iip_lib", "matplotlib", "torch"},
    "viz/masks": {"iip_lib", "matplotlib", "numpy", "torch"},
    "viz/numbers": {"iip_lib", "matplotlib", "torch"},
    "viz/overlays": {"iip_lib", "matplotlib", "torch"},
}
PYTHON = {
    "collections",
    "concurrent",
    "contextlib",
    "copy",
    "dataclasses",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "math",
    "operator",
    "os",
    "pathlib",
    "random",
    "re",
    "shutil",
    "tempfile",
    "time",
    "typing",
    "warnings",
}

PUBLIC = {
    "data/batches": ["Loaders", "collate", "loaders"],
    "data/folders": ["FolderDataset"],
    "data/photos": ["photo"],
    "data/pictures": ["read_image"],
    "data/uploads": ["upload_image"],
    "data/shapes": ["ShapesDataset"],
    "data/textures": ["TexturesDataset"],
    "models/alexnet": ["AlexNet"],
    "models/autoencoder": ["AutoEncoder"],
    "models/backbone": ["CIFAR10_CLASSES", "backbone"],
    "models/efficientnet": [
        "EfficientNet",
        "MBConv",
        "SqueezeExcitation",
        "StochasticDepth",
        "efficientnet_b0",
    ],
    "models/googlenet": ["GoogLeNet", "Inception", "InceptionAux"],
    "explain/activation_maximization": ["activation_maximization"],
    "explain/cam": ["cam"],
    "explain/grad_cam": ["grad_cam"],
    "explain/lime": ["lime"],
    "explain/occlusion": ["occlusion"],
    "explain/record": ["record"],
    "explain/rise": ["rise"],
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
    "ops/boxes": ["box_iou", "nms"],
    "ops/convolution": ["conv2d", "conv_transpose2d"],
    "ops/losses": ["cross_entropy"],
    "ops/normalization": ["batch_norm2d"],
    "ops/pooling": ["avg_pool2d", "max_pool2d"],
    "ops/resampling": ["affine_grid", "grid_sample", "resize_bilinear"],
    "train/checkpoint": ["Checkpoint"],
    "train/history": ["History"],
    "train/loop": ["evaluate", "fit", "train_one_epoch"],
    "train/machine": ["fast_precision", "per_device"],
    "viz/boxes": ["show_boxes"],
    "viz/confusion": ["show_confusion_matrix"],
    "viz/decision": ["plot_decision_boundary"],
    "viz/filters": ["show_filters"],
    "viz/history": ["plot_history"],
    "viz/images": ["show_images"],
    "viz/keypoints": ["show_keypoints"],
    "viz/maps": ["show_feature_maps"],
    "viz/masks": ["show_masks"],
    "viz/numbers": ["show_numbers"],
    "viz/overlays": ["show_overlay"],
}
CONSTANTS = {"CIFAR10_CLASSES"}  # told of in the docstring of the function beside them
NAMES = [(room, n) for room, names in PUBLIC.items() for n in names if n not in CONSTANTS]
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
    assert own - TYPES == set(PUBLIC[room]) - CONSTANTS


@pytest.mark.parametrize("folder", sorted({room.partition("/")[0] for room in PUBLIC}))
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
    parameters = inspect.signature(function).parameters
    of_arguments = ("Args:", "Raises:") if parameters else ()
    for part in (*of_arguments, "Returns:", "Example:", ">>> ", "Source:"):
        assert part in text, part
    last = text.splitlines()[-1]
    assert re.fullmatch(r"Taught in: book/\w+/\w+\.md", last)
    for argument in parameters:
        assert f"    {argument}: " in text, argument
