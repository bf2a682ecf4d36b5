"""A reader's own picture: right whatever file it comes in, and refused by name where it is none."""

import io
import os
import random
import signal
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import PIL
import pytest
import torch
from PIL import Image, PngImagePlugin
from torchvision.io import ImageReadMode, decode_image

from iip_lib.data import photo, read_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture(autouse=True)
def time_limit():
    """No file may hang the reader."""

    def stop(*arguments):
        raise TimeoutError("a picture took too long")

    if hasattr(signal, "SIGALRM"):
        before = signal.signal(signal.SIGALRM, stop)
        signal.alarm(20)
    yield
    if hasattr(signal, "SIGALRM"):
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def save(tmp_path):
    def save(image, name="picture.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def picture(mode="RGB", size=(24, 16)):
    """A soft pattern: decoders with losses keep it nearly as it is."""
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    rgb = np.stack([x / width, y / height, (x + y) / (width + height)], axis=-1)
    return Image.fromarray((rgb * 255).astype(np.uint8)).convert(mode)


def colours(image):
    """The four pixels of a 2×2 picture, row by row, in 0 to 255."""
    return [tuple(p) for p in (image * 255).round().int().flatten(1).T.tolist()]


def four():
    image = Image.new("RGB", (2, 2))
    image.putdata([RED, GREEN, BLUE, WHITE])
    return image


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "gif"])
def test_pixels_by_hand(save, suffix):
    image = read_image(save(four(), f"a.{suffix}"))
    assert image.shape == (3, 2, 2)
    assert image.dtype == torch.float32
    assert image.is_contiguous()
    assert colours(image) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.filterwarnings("ignore:The image decoding:DeprecationWarning")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_equals_torchvision(save, suffix, mode):
    path = save(picture(mode), f"a.{suffix}")
    twin = decode_image(str(path), ImageReadMode.RGB).reshape(-1, 3, 16, 24)[0]
    torch.testing.assert_close(read_image(path), twin / 255, atol=1.01 / 255, rtol=0)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize(
    ("orientation", "seen"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
        (0, [RED, GREEN, BLUE, WHITE]),
        (99, [RED, GREEN, BLUE, WHITE]),
    ],
)
def test_it_is_turned_as_exif_says(save, suffix, orientation, seen):
    exif = Image.Exif()
    exif[274] = orientation
    big = four().resize((32, 32), Image.Resampling.NEAREST)  # JPEG needs blocks
    image = read_image(save(big, f"a.{suffix}", exif=exif.tobytes()))
    corners = image[:, 4::24, 4::24]
    whole = [tuple(255 * round(v / 255) for v in colour) for colour in colours(corners)]
    assert whole == seen


def test_sides_change_places_when_it_is_turned(save):
    exif = Image.Exif()
    exif[274] = 6
    assert read_image(save(picture(), "a.jpg", exif=exif.tobytes())).shape == (3, 24, 16)


@pytest.mark.parametrize("mode", ["P", "1", "L", "LA", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_becomes_rgb(save, mode):
    if mode == "YCbCr" and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow writes such files whole since version 13")
    suffix = {"CMYK": "tif", "YCbCr": "tif"}.get(mode, "png")
    original = picture(mode)
    expected = np.asarray(original.convert("RGB"))
    image = read_image(save(original, f"a.{suffix}"))
    assert np.array_equal((image * 255).round().permute(1, 2, 0).byte().numpy(), expected)


def test_what_is_transparent_is_laid_on_white(save):
    image = Image.new("RGBA", (2, 2))
    image.putdata([(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128), (0, 0, 255, 0)])
    assert colours(read_image(save(image))) == [RED, WHITE, (127, 127, 127), WHITE]
    palette = four().convert("P", palette=Image.Palette.ADAPTIVE)
    first = palette.getpixel((0, 0))
    seen = colours(read_image(save(palette, transparency=first)))
    assert seen == [WHITE, GREEN, BLUE, WHITE]
    assert colours(read_image(save(four(), transparency=RED))) == [WHITE, GREEN, BLUE, WHITE]


def test_grey_of_16_bits_keeps_its_steps(save):
    values = np.array([[0, 1, 256], [32768, 65534, 65535]], dtype=np.uint16)
    for name in ("a.png", "a.tif", "a.pgm"):
        image = read_image(save(Image.fromarray(values), name))
        expected = torch.from_numpy(values.astype(np.float32) / 65535).expand(3, -1, -1)
        torch.testing.assert_close(image, expected, atol=1e-7, rtol=0)


def test_colours_of_16_bits(tmp_path):
    """Pillow cannot write them, so the PNG is put together by hand."""
    values = [[0, 32896, 65535], [65535, 257, 0]]
    rows = b"\0" + b"".join(struct.pack(">3H", *value) for value in values)
    write_png(tmp_path / "a.png", width=2, height=1, bits=16, kind=2, data=rows)
    assert colours(read_image(tmp_path / "a.png")) == [(0, 128, 255), (255, 1, 0)]


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk(save, suffix):
    inks = {(0, 0, 0, 0): WHITE, (0, 255, 255, 0): RED, (0, 0, 0, 255): (0, 0, 0)}
    for ink, colour in inks.items():
        path = save(Image.new("CMYK", (16, 16), ink), f"a.{suffix}")
        seen = torch.tensor(colours(read_image(path)))
        assert (seen - torch.tensor(colour)).abs().max() <= 2


def test_numbers_without_a_scale(save):
    floats = np.array([[0, 0.25], [0.5, 1]], dtype=np.float32)
    image = read_image(save(Image.fromarray(floats), "a.tif"))
    assert torch.equal(image, torch.from_numpy(floats).expand(3, -1, -1))
    for bad in (floats * 1000, floats - 1, floats * np.nan):
        with pytest.raises(ValueError, match=r"a\.tif.* has values from .*, but 0 to 1 is needed"):
            read_image(save(Image.fromarray(bad), "a.tif"))
    with pytest.raises(ValueError, match=r"a\.tif.* 32 bits .*nobody knows"):
        read_image(save(Image.fromarray(floats.astype(np.int32)), "a.tif"))


def test_a_wrong_suffix_does_not_matter(save, tmp_path):
    for real, wrong in (("png", "jpg"), ("jpg", "png"), ("gif", "tif"), ("webp", "txt")):
        path = save(picture(), f"a.{real}").rename(tmp_path / f"b.{wrong}")
        assert read_image(path).shape == (3, 16, 24)


def test_of_an_animation_the_first_picture(save):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, GREEN)]
    path = save(frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert set(colours(read_image(path))) == {RED}


def test_a_photograph_comes_back(tmp_path):
    pixels = (photo("coffee") * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(tmp_path / "a.png")
    torch.testing.assert_close(read_image(tmp_path / "a.png"), photo("coffee"))
    assert torch.equal(read_image(str(tmp_path / "a.png")), read_image(tmp_path / "a.png"))


# ---- files that are no pictures ------------------------------------------------------------------


def write_png(path, width, height, bits=8, kind=0, data=b"\0\0"):
    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def encoded(suffix):
    """The bytes of a small noisy picture."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    file = io.BytesIO()
    image.save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()))
    return file.getvalue()


KINDS = ["png", "jpg", "gif", "bmp", "tif", "webp", "ppm"]


@pytest.mark.parametrize("suffix", KINDS)
def test_truncated_at_many_lengths(tmp_path, suffix):
    """A file that is cut off is refused, or nothing of the picture was in the missing end."""
    path, whole = tmp_path / f"cut.{suffix}", encoded(suffix)
    path.write_bytes(whole)
    original = read_image(path)
    refused = 0
    lengths = sorted(
        {*range(0, 60), *range(0, len(whole), 37), *range(len(whole) - 20, len(whole))}
    )
    for length in lengths:
        path.write_bytes(whole[:length])
        try:
            image = read_image(path)
        except ValueError as error:
            assert f"cut.{suffix}" in str(error)  # noqa: PT017
            refused += 1
        else:
            assert torch.equal(image, original), length
    assert refused >= len(lengths) - 12


@pytest.mark.parametrize("suffix", KINDS)
def test_flipped_bits_and_wrong_headers(tmp_path, suffix):
    """A picture or a ValueError that names the file; of PNG, never another picture."""
    path, whole = tmp_path / f"bad.{suffix}", encoded(suffix)
    path.write_bytes(whole)
    original, rng = read_image(path), random.Random(0)
    places = [*range(0, 40), *(rng.randrange(len(whole)) for _ in range(60))]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            image = read_image(path)
        except ValueError as error:
            assert f"bad.{suffix}" in str(error)  # noqa: PT017
            continue
        assert image.ndim == 3
        assert image.shape[0] == 3
        assert image.min() >= 0
        assert image.max() <= 1
        assert suffix != "png" or torch.equal(image, original), place


@pytest.mark.parametrize("name", [b"IHDR", b"tEXt", b"IDAT"])
def test_a_wrong_checksum_is_seen_where_the_pixels_are_right(tmp_path, name):
    """Of the colours, of a remark, and of the pixels, which have a checksum of their own inside."""
    remark = PngImagePlugin.PngInfo()
    remark.add_text("Comment", "a remark")
    picture().save(tmp_path / "sum.png", pnginfo=remark)
    damaged = bytearray((tmp_path / "sum.png").read_bytes())
    start = damaged.index(name)  # after the length (4 bytes)
    (length,) = struct.unpack(">I", damaged[start - 4 : start])
    damaged[start + 4 + length] ^= 1  # the first byte of the checksum
    (tmp_path / "sum.png").write_bytes(damaged)
    with pytest.raises(ValueError, match=r"sum\.png' cannot be read as a picture"):
        read_image(tmp_path / "sum.png")


@pytest.mark.parametrize("suffix", KINDS[:-1])  # in PPM, any bytes after the size are a picture
def test_a_signature_alone_is_no_picture(tmp_path, suffix):
    path = tmp_path / "head"
    path.write_bytes(encoded(suffix)[:16] + bytes(random.Random(1).randbytes(2000)))
    with pytest.raises(ValueError, match=r"head' .*but .* needed|head' .*but at most"):
        read_image(path)


@pytest.mark.parametrize(
    "content",
    [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"a"],
)
def test_what_is_no_picture(tmp_path, content):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"holiday\.jpg' cannot be read as a picture .*save it as"):
        read_image(path)


def test_empty_folder_missing_and_nonsense(tmp_path):
    (tmp_path / "empty.png").touch()
    with pytest.raises(ValueError, match=r"empty\.png' is empty, but a picture is needed"):
        read_image(tmp_path / "empty.png")
    with pytest.raises(ValueError, match=r"is a folder or a device, but a file is needed"):
        read_image(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.png"):
        read_image(tmp_path / "none.png")
    for nonsense in (3, None, b"a.png"):
        with pytest.raises(TypeError):
            read_image(nonsense)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(ValueError, match="is a folder or a device"):
            read_image(tmp_path / "pipe.png")


@pytest.mark.parametrize("size", [(9000, 9000), (50_000, 50_000), (2**31 - 1, 2**31 - 1)])
def test_a_gigantic_picture_is_refused_before_it_is_decoded(tmp_path, size):
    width, height = size
    write_png(tmp_path / "bomb.png", width, height, data=bytes(2**20))
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"bomb\.png"):
        read_image(tmp_path / "bomb.png")
    assert time.perf_counter() - start < 2


@pytest.mark.filterwarnings("error")
def test_it_says_nothing_on_the_side(tmp_path):
    write_png(tmp_path / "bomb.png", 12_000, 9000)
    with pytest.raises(ValueError, match=r"12000×9000 pixels, but at most 67,108,864 are read"):
        read_image(tmp_path / "bomb.png")


def test_the_file_is_closed_also_when_it_is_refused(tmp_path):
    if not Path("/proc/self/fd").exists():
        pytest.skip("open files are counted on Linux")
    (tmp_path / "a.png").write_bytes(encoded("png")[:-30])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(ValueError, match="cannot be read"):
            read_image(tmp_path / "a.png")
    assert len(os.listdir("/proc/self/fd")) == before
