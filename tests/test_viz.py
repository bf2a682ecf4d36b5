"""Figures: the given numbers are drawn, and no word that was not given."""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import is_color_like, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text
from torchvision import tv_tensors

import iip_lib
from iip_lib.viz import (
    plot_decision_boundary,
    plot_history,
    show_boxes,
    show_confusion_matrix,
    show_feature_maps,
    show_filters,
    show_images,
    show_keypoints,
    show_masks,
    show_numbers,
    show_overlay,
)

FUNCTIONS = [show_images, show_feature_maps, show_numbers]
LIGHT, DARK = "iip_lib.house", "iip_lib.house_dark"
LOOKS = {"light": [LIGHT], "dark": [LIGHT, DARK]}


@pytest.fixture(params=LOOKS)
def look(request):
    """What a reader has said at the top of a notebook."""
    with plt.style.context(LOOKS[request.param]):
        yield request.param


def some(number=3, height=4, width=5):
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(height, width, generator=generator) for _ in range(number)]


def drawn(figure):
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes]


def words(figure):
    texts = (text.get_text() for text in figure.findobj(Text))
    return [text for text in texts if any(letter.isalpha() for letter in text)]


def png(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None}, dpi=40)
    return file.getvalue()


def contrast(one, other):
    """Contrast ratio of two colours, as web pages count it: from 1 to 21."""

    def luminance(color):
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("show", FUNCTIONS)
def test_returns_a_closed_figure_with_one_axes_each(show):
    figure = show(some(4), ncols=2)
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 4
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (2, 2)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("show", FUNCTIONS)
def test_draws_the_given_numbers_and_leaves_them(show):
    given = some()
    copies = [tensor.clone() for tensor in given]
    for array, tensor, copy in zip(drawn(show(given)), given, copies, strict=True):
        assert np.array_equal(array, copy.numpy())
        assert torch.equal(tensor, copy)


@pytest.mark.parametrize("show", FUNCTIONS)
def test_writes_the_given_titles_and_no_word_of_its_own(show):
    assert words(show(some())) == []
    figure = show(some(), titles=["one", "two", "three"])
    assert sorted(words(figure)) == ["one", "three", "two"]
    assert [ax.get_title() for ax in figure.axes] == ["one", "two", "three"]


@pytest.mark.parametrize("show", FUNCTIONS)
def test_same_input_same_figure_and_settings_untouched(show):
    before = dict(matplotlib.rcParams)
    assert png(show(some())) == png(show(some()))
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("show", FUNCTIONS)
def test_takes_one_tensor_and_a_tensor_with_gradient(show):
    (array,) = drawn(show(some(1)[0].requires_grad_()))
    assert np.array_equal(array, some(1)[0].numpy())


@pytest.mark.parametrize("show", FUNCTIONS)
@pytest.mark.parametrize("titles", [["one"], "abc"])
def test_refuses_titles_that_do_not_fit(show, titles):
    with pytest.raises(ValueError, match="one title for each is needed"):
        show(some(), titles=titles)


@pytest.mark.parametrize("show", FUNCTIONS)
def test_refuses_nothing(show):
    with pytest.raises(ValueError, match="nothing came"):
        show([])


@pytest.mark.parametrize("show", FUNCTIONS)
def test_refuses_no_column(show):
    with pytest.raises(ValueError, match="ncols is 0, but at least 1 is needed"):
        show(some(), ncols=0)


def test_show_images_in_colour_and_grey():
    colour, grey = torch.rand(3, 4, 5), torch.rand(1, 4, 5)
    first, second = drawn(show_images([colour, grey]))
    assert np.array_equal(first, colour.permute(1, 2, 0).numpy())
    assert np.array_equal(second, grey[0].numpy())
    assert len(show_images(torch.rand(5, 3, 4, 4)).axes) == 5
    assert len(show_images(torch.rand(3, 4, 4)).axes) == 1


def test_show_images_does_not_stretch_grey():
    figure = show_images([torch.full((4, 4), 0.5)])
    assert figure.axes[0].images[0].get_clim() == (0, 1)


def test_show_images_in_frames():
    figure = show_images(some(), titles=["a", "b", "c"], colors=[None, "#d55e00", None])
    plain, framed, _ = figure.axes
    assert to_rgb(framed.title.get_color()) == to_rgb("#d55e00")
    assert {to_rgb(spine.get_edgecolor()) for spine in framed.spines.values()} == {
        to_rgb("#d55e00")
    }
    assert to_rgb(plain.title.get_color()) == (0, 0, 0)
    assert plain.spines["top"].get_linewidth() < framed.spines["top"].get_linewidth()
    with pytest.raises(ValueError, match="colors has 1 entries for 3 images, but one for each"):
        show_images(some(), colors=["#d55e00"])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(2, 4, 4), r"shape \(2, 4, 4\)"),
        (torch.zeros(3, 0, 4), r"shape \(3, 0, 4\)"),
        (torch.zeros(4), r"shape \(4,\)"),
        (torch.full((1, 4, 4), -0.5), r"from -0.5 to -0.5.*show_feature_maps"),
        (torch.full((1, 4, 4), 255.0), r"from 255 to 255.*divide bytes by 255"),
        (torch.full((3, 4, 4), 2, dtype=torch.uint8), r"from 2 to 2"),
        (torch.full((1, 4, 4), float("nan")), "from nan to nan"),
    ],
)
def test_show_images_refuses(image, message):
    with pytest.raises(ValueError, match=message):
        show_images([image])


def test_show_images_whole_numbers_and_a_little_too_much(caplog):
    bits = torch.ones(3, 2, 2, dtype=torch.uint8)
    assert drawn(show_images([bits]))[0].tolist() == torch.ones(2, 2, 3).tolist()  # white
    beyond = torch.tensor([[-1e-6, 1 + 1e-6]]).expand(3, 1, 2)
    assert drawn(show_images([beyond]))[0][0, :, 0].tolist() == [0, 1]
    assert caplog.text == ""  # matplotlib has nothing to complain of


def test_signed_colours(look):
    for show in (show_feature_maps, show_numbers):
        picture = show(torch.tensor([[-2.0, 0.0, 1.0, 2.0]])).axes[0].images[0]
        negative, zero, half, positive = (picture.to_rgba(v)[:3] for v in (-2, 0, 1, 2))
        assert zero == pytest.approx((1, 1, 1), abs=0.01)
        assert negative[2] > negative[0] + 0.3  # blue
        assert positive[0] > positive[2] + 0.3  # red
        assert positive[1] < half[1] < zero[1]


def test_show_feature_maps_share_one_scale():
    maps = torch.stack([torch.full((3, 3), 0.5), torch.full((3, 3), -4.0)])
    assert [ax.images[0].get_clim() for ax in show_feature_maps(maps).axes] == [(-4, 4)] * 2
    assert show_feature_maps(maps, limit=2.0).axes[0].images[0].get_clim() == (-2, 2)
    assert show_feature_maps(torch.zeros(1, 3, 3)).axes[0].images[0].get_clim() == (-1, 1)
    with pytest.raises(ValueError, match="limit is 0, but more than 0 is needed"):
        show_feature_maps(maps, limit=0)


def test_show_numbers_writes_each_number_at_its_place():
    table = torch.tensor([[-1.25, 0.0, 3.0], [0.04, -0.04, 10.0]])
    figure = show_numbers(table, decimals=1)
    written = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    expected = [["−1.2", "0.0", "3.0"], ["0.0", "0.0", "10.0"]]
    assert written == {(j, i): expected[i][j] for i in range(2) for j in range(3)}


def test_show_numbers_scales_each_signed_table_by_its_own_greatest_number():
    tables = [torch.tensor([[-3.0, 1.0]]), torch.tensor([[-128, 5]], dtype=torch.int8)]
    figure = show_numbers(tables)
    assert [ax.images[0].get_clim() for ax in figure.axes] == [(-3, 3), (-128, 128)]
    assert [text.get_text() for text in figure.axes[1].texts] == ["−128", "5"]


def test_show_numbers_are_legible_on_every_cell(look):
    values = torch.linspace(-1, 1, 41)[None]
    for signed, table in ((True, values), (False, values.abs())):
        ax = show_numbers(table, signed=signed).axes[0]
        for text, value in zip(ax.texts, table[0].tolist(), strict=True):
            ink, cell = text.get_color(), ax.images[0].to_rgba(value)[:3]
            assert contrast(ink, cell) > 3.5
            # It follows the cell, not the page, whose black the book exchanges.
            assert to_rgb(ink) not in (to_rgb("black"), to_rgb("white"))


def test_show_numbers_in_grey_and_signed_side_by_side():
    grey, signed = show_numbers(some(2), signed=[False, True]).axes
    assert grey.images[0].get_clim() == (0, 1)
    low, high = signed.images[0].get_clim()
    assert low == -high


@pytest.mark.parametrize("show", [show_feature_maps, show_numbers])
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (torch.zeros(2, 4, 4), r"shape \(2, 4, 4\)"),
        (torch.zeros(0, 4), r"shape \(0, 4\)"),
        (torch.tensor([[float("nan")]]), "NaN or infinity"),
    ],
)
def test_tables_refuse(show, table, message):
    with pytest.raises(ValueError, match=message):
        show([table])


def test_show_numbers_refuses_signed_that_does_not_fit():
    with pytest.raises(ValueError, match="signed has 1 entries for 3 tables"):
        show_numbers(some(), signed=[True])


NAN = float("nan")
EPOCHS = [
    {"epoch": 1, "train_loss": 2.0, "val_loss": 1.5, "val_accuracy": 0.5, "seconds": 0.1},
    {"epoch": 2, "train_loss": 1.0, "val_loss": 1.2, "val_accuracy": 0.8, "seconds": 0.1},
]


class Recorded:
    epochs = EPOCHS


@pytest.mark.parametrize("history", [EPOCHS, Recorded()])
def test_plot_history_draws_the_recorded_numbers(history):
    figure = plot_history(history)
    assert isinstance(figure, Figure)
    assert plt.get_fignums() == []
    (ax,) = figure.axes
    assert [line.get_ydata().tolist() for line in ax.lines] == [[2.0, 1.0], [1.5, 1.2]]
    assert [line.get_xdata().tolist() for line in ax.lines] == [[1, 2]] * 2
    (line,) = plot_history(history, ["val_accuracy"]).axes[0].lines
    assert line.get_ydata().tolist() == [0.5, 0.8]


def test_plot_history_writes_only_the_given_words():
    assert words(plot_history(EPOCHS)) == []
    figure = plot_history(EPOCHS, labels=["one", "two"], xlabel="three", ylabel="four")
    assert sorted(words(figure)) == ["four", "one", "three", "two"]


def test_plot_history_tells_curves_apart_without_colour():
    lines = plot_history(EPOCHS, ["train_loss", "val_loss", "val_accuracy"]).axes[0].lines
    assert len({line.get_linestyle() for line in lines}) == 3


def test_plot_history_counts_epochs_in_whole_numbers():
    ax = plot_history(EPOCHS).axes[0]
    ticks = [tick for tick in ax.get_xticks() if 1 <= tick <= 2]
    assert ticks == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "holds no epoch.*train first"),
        ((EPOCHS, ["test_loss"]), r"names is \['test_loss'\].*choose from train_loss, val_loss"),
        ((EPOCHS, "train_loss"), "names is 'train_loss', but a list"),
        (([{"epoch": 1, "accuracy": 1.0}],), "choose from accuracy"),
        (([{"loss": 1.0}],), "without 'epoch'"),
        (([{"epoch": 1, "lr": [0.1, 0.2]}], ["lr"]), "one number an epoch"),
        ((EPOCHS, None, ["one"]), "one label for each is needed: give a list of 2"),
        ((EPOCHS, ["seconds"], "s"), "one label for each is needed"),
    ],
)
def test_plot_history_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_history(*arguments)


SEEDS = [EPOCHS, [epoch | {"train_loss": epoch["train_loss"] + 1} for epoch in EPOCHS]]


def test_plot_history_of_several_seeds_draws_mean_and_band():
    for history in (SEEDS, [Recorded(), SEEDS[1]]):
        (ax,) = plot_history(history, ["train_loss"]).axes
        assert ax.lines[0].get_ydata().tolist() == [2.5, 1.5]
        (band,) = ax.collections
        corners = {tuple(corner) for corner in band.get_paths()[0].vertices.tolist()}
        assert corners == {(1, 2), (1, 3), (2, 1), (2, 2)}
    assert not plot_history([EPOCHS]).axes[0].collections
    with pytest.raises(ValueError, match="holds no epoch"):
        plot_history([EPOCHS, []])


def losses(*numbers, first=1, **rest):
    return [{"epoch": first + i, "train_loss": x, **rest} for i, x in enumerate(numbers)]


def ribbon(collection):
    """Least and greatest number at each epoch of a band."""
    corners = np.concatenate([path.vertices for path in collection.get_paths()])
    return {x: (*np.sort(corners[corners[:, 0] == x, 1])[[0, -1]],) for x in corners[:, 0]}


def test_plot_history_nan_leaves_a_gap():
    (ax,) = plot_history(losses(3.0, NAN, 1.0)).axes
    assert ax.lines[0].get_ydata() == pytest.approx([3, NAN, 1], nan_ok=True)
    (ax,) = plot_history([losses(3.0, NAN, 1.0, 1.0), losses(5.0, 4.0, NAN, 3.0)]).axes
    assert ax.lines[0].get_ydata() == pytest.approx([4, NAN, NAN, 2], nan_ok=True)
    assert ribbon(ax.collections[0]) == {1: (3, 5), 2: (4, 4), 3: (1, 1), 4: (1, 3)}
    (ax,) = plot_history([losses(3.0, NAN), losses(5.0, NAN)]).axes  # in none
    assert ribbon(ax.collections[0]) == {1: (3, 5)}


def test_plot_history_after_early_stops_the_mean_ends_and_the_band_goes_on():
    (ax,) = plot_history([losses(4.0, 3.0, 2.0, 1.0), losses(6.0, 5.0), losses(8.0, 7.0, 6.0)]).axes
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert ax.lines[0].get_ydata() == pytest.approx([6, 5, NAN, NAN], nan_ok=True)
    (band,) = ax.collections
    assert ribbon(band) == {1: (4, 8), 2: (3, 7), 3: (2, 6), 4: (1, 1)}
    assert band.get_linewidth()[0] > 0  # one training alone is seen


def test_plot_history_epochs_are_matched_by_their_number():
    (ax,) = plot_history([losses(4.0, 3.0), losses(5.0, 7.0, first=2)]).axes
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert ax.lines[0].get_ydata() == pytest.approx([NAN, 4, NAN], nan_ok=True)


def test_plot_history_of_names_in_some_epochs_and_some_trainings():
    history = losses(4.0, 3.0, 2.0, lr=0.1, train_boxes=1.5)
    history[1] |= {"val_loss": 5.0}
    assert len(plot_history(history).axes[0].lines) == 2  # val_loss comes in the second epoch
    (ax,) = plot_history(history, ["lr", "train_boxes", "val_loss"]).axes
    assert [line.get_xdata().tolist() for line in ax.lines] == [[1, 2, 3], [1, 2, 3], [2]]
    history[2] |= {"val_loss": 7.0}
    (ax,) = plot_history([losses(1.0, 1.0), history], ["val_loss"]).axes
    assert ax.lines[0].get_xydata().tolist() == [[2, 5], [3, 7]]
    assert not ax.collections  # the other training does not have it


def test_plot_history_points_do_not_hide_a_long_line():
    (few,) = plot_history(losses(*range(40))).axes[0].lines
    (many,) = plot_history(losses(*range(200))).axes[0].lines
    assert many.get_markersize() < many.get_linewidth() < few.get_markersize()


# ---- things on a picture --------------------------------------------------------------------------


def picture(channels=3, height=6, width=8):
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(1))


def some_masks():
    masks = torch.zeros(2, 6, 8, dtype=torch.bool)
    masks[0, :3, :3], masks[1, 2:, 2:] = True, True
    return masks


BOXES = torch.tensor([[0.0, 0.0, 8.0, 6.0], [1.0, 2.0, 4.0, 5.0]])
PEOPLE = torch.tensor([[[1.0, 2.0], [5.0, 3.0], [2.0, 4.0]], [[0.0, 0.0], [7.0, 5.0], [1.0, 1.0]]])
COUNTS = torch.tensor([[8, 2, 0], [1, 3, 0], [0, 0, 0]])
POINTS = torch.tensor([[0.0, 0.0], [1.0, 3.0], [2.0, 1.0]])
CLASSES = torch.tensor([0, 1, 1])


def to_the_right(places):
    return torch.stack([1 - places[:, 0], places[:, 0] - 1], dim=1)


CALLS = {
    "show_images": (show_images, [picture()]),
    "show_feature_maps": (show_feature_maps, [picture() - 0.5]),
    "show_numbers": (show_numbers, [picture()[0] - 0.5]),
    "show_filters": (show_filters, [torch.arange(-12.0, 12).reshape(2, 3, 2, 2)]),
    "show_overlay": (show_overlay, [picture(), torch.arange(6.0).reshape(2, 3)]),
    "show_masks": (show_masks, [picture(), some_masks()]),
    "show_boxes": (show_boxes, [picture(), BOXES]),
    "show_keypoints": (show_keypoints, [picture(), PEOPLE, [(0, 1), (1, 2)]]),
    "show_confusion_matrix": (show_confusion_matrix, [COUNTS]),
    "plot_history": (plot_history, [SEEDS]),
    "plot_decision_boundary": (plot_decision_boundary, [to_the_right, POINTS, CLASSES, 5]),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_closed_wordless_repeatable_and_leaves_its_input(name):
    show, given = CALLS[name]
    tensors = [thing for thing in given if isinstance(thing, torch.Tensor)]
    copies = [tensor.clone() for tensor in tensors]
    before = dict(matplotlib.rcParams)
    figure = show(*given)
    assert isinstance(figure, Figure)
    assert plt.get_fignums() == []
    assert words(figure) == []
    assert png(figure) == png(show(*given))
    assert dict(matplotlib.rcParams) == before
    assert all(torch.equal(a, b) for a, b in zip(tensors, copies, strict=True))


@pytest.mark.parametrize("name", CALLS)
def test_a_figure_stays_when_its_input_changes_afterwards(name):
    show, given = CALLS[name]
    mine = [thing.clone() if isinstance(thing, torch.Tensor) else thing for thing in given]
    figure = show(*mine)
    for thing in mine:
        if isinstance(thing, torch.Tensor):
            thing.zero_()
    assert png(figure) == png(show(*given))


CHANGES = {
    "bfloat16": lambda t: t.bfloat16() if t.is_floating_point() else t,
    "float16": lambda t: t.half() if t.is_floating_point() else t,
    "with gradient": lambda t: t.clone().requires_grad_() if t.is_floating_point() else t,
    "tv_tensor": lambda t: as_boxes(t) if t.shape == BOXES.shape else tv_tensors.Mask(t),
}
if torch.cuda.is_available():
    CHANGES["on the GPU"] = lambda t: t.cuda()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("change", CHANGES)
def test_every_kind_of_tensor_gives_the_same_figure(name, change):
    show, given = CALLS[name]
    # In sixteenths, each number is the same in every data type.
    given = [(t * 16).round() / 16 if is_float(t) else t for t in given]
    changed = [CHANGES[change](t) if isinstance(t, torch.Tensor) else t for t in given]
    assert np.abs(pixels(show(*changed)) - pixels(show(*given))).max() <= 1


def as_boxes(tensor):
    return tv_tensors.BoundingBoxes(tensor, format="XYXY", canvas_size=(6, 8))


def is_float(thing):
    return isinstance(thing, torch.Tensor) and thing.is_floating_point()


def pixels(figure):
    return plt.imread(io.BytesIO(png(figure))) * 255


@pytest.mark.parametrize("name", CALLS)
def test_the_figures_of_the_caller_stay_open_and_current(name, monkeypatch):
    asked = []
    open_figure = plt.figure

    def figure(*rest, **options):
        asked.append(matplotlib.is_interactive())
        return open_figure(*rest, **options)

    first, second = plt.figure(), plt.figure()
    plt.figure(first)
    monkeypatch.setattr(plt, "figure", figure)
    with plt.ion():
        CALLS[name][0](*CALLS[name][1])
        assert matplotlib.is_interactive()
    assert asked == [False]  # no window opens
    assert plt.get_fignums() == [first.number, second.number]
    assert plt.gcf() is first
    plt.close("all")


def test_an_error_in_the_drawing_leaves_no_figure_open(monkeypatch):
    for draw in ("imshow", "plot"):
        monkeypatch.setattr(matplotlib.axes.Axes, draw, lambda *rest, **options: 1 / 0)
    for name, (show, given) in CALLS.items():
        with pytest.raises(ZeroDivisionError):
            show(*given)
        assert plt.get_fignums() == [], name


def test_show_filters_draws_each_table_on_one_scale():
    weight = CALLS["show_filters"][1][0]
    figure = show_filters(weight.requires_grad_())
    weight = weight.detach()
    for array, table in zip(drawn(figure), weight.flatten(0, 1), strict=True):
        assert np.array_equal(array, table.numpy())
    assert {ax.images[0].get_clim() for ax in figure.axes} == {(-12, 12)}
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (2, 3)


def test_show_filters_in_colour_keeps_zero_grey():
    weight = torch.zeros(2, 3, 2, 2)
    weight[0, 0, 0, 0], weight[1, 2, 1, 1] = 4.0, -2.0
    first, second = drawn(show_filters(weight, color=True))
    assert first[0, 0].tolist() == [1, 0.5, 0.5]
    assert second[1, 1].tolist() == [0.5, 0.5, 0.25]
    assert (first[1] == 0.5).all()


def test_show_overlay_draws_picture_and_map_over_one_place():
    image, heatmap = CALLS["show_overlay"][1]
    below, above = show_overlay(image, heatmap, alpha=0.3).axes[0].images
    assert np.array_equal(below.get_array(), image.permute(1, 2, 0).numpy())
    assert np.array_equal(above.get_array(), heatmap.numpy())
    for extent in (above.get_extent(), below.get_extent()):
        assert tuple(extent) == (-0.5, 7.5, 5.5, -0.5)
    assert above.get_alpha() == 0.3
    assert above.get_clim() == (0, 5)


def test_show_overlay_of_signed_maps_side_by_side():
    figure = show_overlay(picture(1), torch.stack([POINTS, -POINTS]), titles=["a", "b"])
    assert [ax.images[1].get_clim() for ax in figure.axes] == [(0, 3), (-3, 3)]
    signed = figure.axes[1].images[1]
    assert signed.to_rgba(0.0)[:3] == pytest.approx((1, 1, 1), abs=0.01)
    assert sorted(words(figure)) == ["a", "b"]


def test_show_masks_paints_the_mask_and_nothing_else():
    image, masks = picture(), some_masks()
    _, *painted = show_masks(image, masks, title="one").axes[0].images
    assert len(painted) == 2
    for drawing, mask in zip(painted, masks, strict=True):
        assert np.array_equal(~np.ma.getmaskarray(drawing.get_array()), mask.numpy())
    first, second = (drawing.cmap(0)[:3] for drawing in painted)
    assert first != second
    assert len(show_masks(image, masks[:0]).axes[0].images) == 1


def test_show_masks_of_classes_leaves_the_background():
    classes = torch.zeros(6, 8, dtype=torch.int64)
    classes[0], classes[1], classes[2] = 1, 3, -100
    ax = show_masks(picture(), classes).axes[0]
    visible = [~np.ma.getmaskarray(drawing.get_array()) for drawing in ax.images[1:]]
    assert [np.flatnonzero(v.any(axis=1)).tolist() for v in visible] == [[0], [1]]
    # A class has its colour, whichever others are there.
    _, _, third = ax.images
    (alone,) = show_masks(picture(), classes.where(classes == 3, 0)).axes[0].images[1:]
    assert third.cmap(0) == alone.cmap(0)
    assert len(show_masks(picture(), torch.zeros_like(classes)).axes[0].images) == 1


def test_show_masks_outlines_each_mask_along_its_pixels_edges():
    masks = torch.zeros(3, 6, 8, dtype=torch.bool)  # the last one is empty
    masks[0, 1:3, 2:5], masks[1] = True, True
    ax = show_masks(picture(), masks).axes[0]
    boxes = [np.concatenate([path.vertices for path in c.get_paths()]) for c in ax.collections]
    corners = [(*box.min(axis=0), *box.max(axis=0)) for box in boxes]
    assert corners == [(1.5, 0.5, 4.5, 2.5), (-0.5, -0.5, 7.5, 5.5)]
    for line, area in zip(ax.collections, ax.images[1:3], strict=True):
        assert tuple(line.get_edgecolor()[0][:3]) == area.cmap(0)[:3]
    assert ax.get_xlim() == (-0.5, 7.5)


def test_things_have_colours_of_their_own_also_when_there_are_many():
    masks = torch.zeros(18, 6, 8, dtype=torch.bool)
    masks[:, 0] = True
    colors = {drawing.cmap(0) for drawing in show_masks(picture(), masks).axes[0].images[1:]}
    assert len(colors) == 18


def test_show_boxes_the_box_of_the_whole_picture_is_its_frame():
    ax = show_boxes(picture(), BOXES).axes[0]
    whole, part = ax.patches
    left, right, lower, upper = ax.images[0].get_extent()
    assert (*whole.get_xy(), whole.get_width(), whole.get_height()) == (-0.5, -0.5, 8, 6)
    assert (left, right, lower, upper) == (-0.5, 7.5, 5.5, -0.5)
    assert (*part.get_xy(), part.get_width(), part.get_height()) == (0.5, 1.5, 3, 3)
    assert not ax.texts


def test_show_boxes_writes_labels_and_scores():
    def texts(*rest):
        return [text.get_text() for text in show_boxes(picture(), BOXES, *rest).axes[0].texts]

    scores = torch.tensor([0.912, 0.5])
    assert texts(["cat", "dog"]) == ["cat", "dog"]
    assert texts(None, scores) == ["0.91", "0.50"]
    assert texts(["cat", "dog"], scores) == ["cat 0.91", "dog 0.50"]
    assert not show_boxes(picture(), BOXES[:0], [], scores[:0]).axes[0].patches
    assert texts([0, 1]) == ["0", "1"]


def test_show_boxes_labels_stay_in_the_picture():
    boxes = torch.tensor([[0, 20, 9, 30], [90, 50, 100, 60], [40, 1, 70, 90], [-20, -9, 300, 99]])
    ax = show_boxes(torch.zeros(100, 100), boxes, ["a long word"] * 4).axes[0]
    frame = ax.get_window_extent()
    ax.figure.draw_without_rendering()
    for text in ax.texts:
        extent = text.get_window_extent()
        assert frame.x0 - 2 <= extent.x0 < extent.x1 <= frame.x1 + 2
        assert frame.y0 - 2 <= extent.y0 < extent.y1 <= frame.y1 + 2
    assert [text.get_position()[1] for text in ax.texts] == [19.5, 49.5, 0.5, -0.5]
    assert [text.get_va() for text in ax.texts] == ["bottom", "bottom", "top", "top"]
    assert ax.get_xlim() == (-0.5, 99.5)


def test_show_keypoints_draws_joints_and_limbs_at_pixel_centres():
    limbs = [(0, 1), (1, 2)]
    ax = show_keypoints(picture(), PEOPLE, limbs).axes[0]
    assert len(ax.lines) == 6
    for person, lines in zip(PEOPLE, (ax.lines[:3], ax.lines[3:]), strict=True):
        for limb, line in zip(limbs, lines[:2], strict=True):
            assert np.array_equal(line.get_xydata(), person[list(limb)].numpy())
        assert np.array_equal(lines[2].get_xydata(), person.numpy())
        assert len({line.get_color() for line in lines}) == 1
    assert ax.get_xlim() == (-0.5, 7.5)
    far = show_keypoints(picture(), PEOPLE + 100).axes[0]
    assert far.get_xlim() == (-0.5, 7.5)
    assert not show_keypoints(picture(), PEOPLE[:0]).axes[0].lines


def test_show_keypoints_leaves_out_what_is_not_visible():
    visible = torch.tensor([[True, True, False], [False, False, False]])
    ax = show_keypoints(picture(), PEOPLE, [(0, 1), (1, 2)], visible).axes[0]
    assert [len(line.get_xdata()) for line in ax.lines] == [2, 2, 0]


def test_show_confusion_matrix_draws_shares_of_rows_and_writes_counts():
    figure = show_confusion_matrix(COUNTS, ["a", "b", "c"], xlabel="d", ylabel="e")
    (ax,) = figure.axes
    expected = [[0.8, 0.2, 0], [0.25, 0.75, 0], [0, 0, 0]]
    assert np.asarray(ax.images[0].get_array()) == pytest.approx(np.array(expected))
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written[1, 0] == "2"  # right class 0, predicted 1: column 1, row 0
    assert written[0, 1] == "1"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    assert set(words(figure)) == set("abcde")


def test_show_confusion_matrix_of_one_class_and_of_many():
    (ax,) = show_confusion_matrix(torch.tensor([[3]]), ["a"]).axes
    assert ([text.get_text() for text in ax.texts], ax.images[0].get_array().item()) == (["3"], 1)
    (ax,) = show_confusion_matrix(1000 * torch.eye(20).long(), [str(i) for i in range(20)]).axes
    ax.figure.draw_without_rendering()
    cell = ax.get_window_extent().width / 20
    assert max(text.get_window_extent().width for text in ax.texts) < cell
    turned = [show_confusion_matrix(COUNTS, [word] * 3).axes[0] for word in ("a", "airplane")]
    assert [ax.get_xticklabels()[0].get_rotation() for ax in turned] == [0, 90]


def test_plot_decision_boundary_of_one_class():
    figure = plot_decision_boundary(lambda p: p[:, :1], POINTS[:1], CLASSES[:1], 3)
    (ax,) = figure.axes
    assert (ax.images[0].get_array() == 0).all()
    assert ax.lines[0].get_xydata().tolist() == [[0, 0]]


def test_plot_decision_boundary_draws_classes_where_they_are():
    figure = plot_decision_boundary(to_the_right, POINTS, CLASSES, 5, xlabel="a", ylabel="b")
    (ax,) = figure.axes
    classes = np.asarray(ax.images[0].get_array())
    x = np.linspace(-0.2, 2.2, 5)
    assert np.array_equal(classes, np.tile(x > 1.001, (5, 1)))
    left, right, lower, upper = ax.images[0].get_extent()
    assert (left, right, lower, upper) == pytest.approx((-0.5, 2.5, -0.75, 3.75))
    for line, points in zip(ax.lines, (POINTS[:1], POINTS[1:]), strict=True):
        assert np.array_equal(line.get_xydata(), points.numpy())
    assert len({line.get_marker() for line in ax.lines}) == 2
    assert sorted(words(figure)) == ["a", "b"]


def test_plot_decision_boundary_tells_up_from_down():
    figure = plot_decision_boundary(lambda p: to_the_right(p.flip(1)), POINTS, CLASSES, 4)
    image = figure.axes[0].images[0]
    assert image.origin == "lower"  # the first row is the lowest
    assert image.get_array()[0].tolist() == [0] * 4
    assert image.get_array()[-1].tolist() == [1] * 4


def test_plot_decision_boundary_gives_the_network_back_as_it_was():
    class Broken(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.drop = torch.nn.BatchNorm1d(2).eval(), torch.nn.Dropout(0.9)

        def forward(self, x):
            assert not any(module.training for module in self.modules())
            return self.drop(self.frozen(x)) if len(x) == 9 else 1 / 0

    model = Broken()
    plot_decision_boundary(model, POINTS, CLASSES, steps=3)
    with pytest.raises(ZeroDivisionError):
        plot_decision_boundary(model, POINTS, CLASSES, steps=4)
    assert (model.training, model.frozen.training, model.drop.training) == (True, False, True)


def refused(name, place, thing):
    given = list(CALLS[name][1])
    given[place] = thing
    return given


@pytest.mark.parametrize(
    ("name", "place", "thing", "message"),
    [
        ("show_filters", 0, torch.zeros(3, 2, 2), r"\(3, 2, 2\).*\(O, C, kh, kw\)"),
        ("show_filters", 0, torch.full((1, 1, 2, 2), NAN), "NaN or infinity"),
        ("show_overlay", 0, 255 * picture(), "0 to 1 is needed"),
        ("show_overlay", 1, torch.zeros(2, 2, 2, 2), r"\(2, 2, 2\)"),
        ("show_masks", 1, some_masks()[:, :5], r"\(2, 5, 8\).*\(n, 6, 8\) bool"),
        ("show_masks", 1, some_masks().float(), "dtype torch.float32.*masks > 0.5"),
        ("show_boxes", 1, BOXES[0], r"shape \(4,\).*boxes\[None\]"),
        ("show_boxes", 1, BOXES * NAN, "finite numbers"),
        ("show_boxes", 1, BOXES[:, [2, 1, 0, 3]], "right or lower edge before.*box_convert"),
        (
            "show_boxes",
            1,
            tv_tensors.BoundingBoxes(BOXES, format="XYWH", canvas_size=(6, 8)),
            "format XYWH.*box_convert",
        ),
        ("show_keypoints", 1, PEOPLE[0], r"shape \(3, 2\).*keypoints\[None\]"),
        ("show_keypoints", 2, [(1, 3)], "joints from 0 to 2"),
        ("show_confusion_matrix", 0, COUNTS[:2], r"shape \(2, 3\).*\(K, K\)"),
        ("show_confusion_matrix", 0, COUNTS / 8, "give the counts"),
        ("show_confusion_matrix", 0, -COUNTS, "give the counts"),
        ("show_confusion_matrix", 0, COUNTS / 0, "give the counts"),
        ("plot_decision_boundary", 1, POINTS[:, :1], r"points has shape \(3, 1\)"),
        ("plot_decision_boundary", 1, POINTS * NAN, "finite points"),
        ("plot_decision_boundary", 2, CLASSES - 1, "target has the class -1"),
        ("plot_decision_boundary", 3, 1, "steps is 1"),
        ("plot_decision_boundary", 1, POINTS.long(), "torch.int64.*points.float"),
        ("plot_decision_boundary", 2, CLASSES.float(), "torch.float32.*target.long"),
        ("plot_decision_boundary", 0, torch.sum, r"gave shape \(\).*\(25, K\)"),
        ("plot_decision_boundary", 0, lambda p: p[:, :1], r"\(25, 1\) for 25 places and 2 classes"),
        ("plot_decision_boundary", 0, lambda p: p * NAN, "predict gave NaN"),
    ],
)
def test_every_figure_refuses(name, place, thing, message):
    with pytest.raises(ValueError, match=message):
        CALLS[name][0](*refused(name, place, thing))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: show_filters(torch.zeros(1, 2, 3, 3), color=True), r"\(O, 3, kh, kw\)"),
        (lambda: show_overlay(picture(), POINTS, alpha=2), "alpha is 2"),
        (lambda: show_overlay(picture(), POINTS, titles=["a", "b"]), "one title for each"),
        (lambda: show_masks(picture(), some_masks(), alpha=-1), "alpha is -1"),
        (lambda: show_boxes(picture(), BOXES, "ab"), "labels is 'ab' for 2 boxes"),
        (lambda: show_boxes(picture(), BOXES, CLASSES[:2]), r"labels is tensor.* for 2 boxes"),
        (
            lambda: show_boxes(picture(), BOXES, None, torch.ones(1)),
            r"scores has shape \(1,\) for 2 boxes",
        ),
        (
            lambda: show_keypoints(picture(), PEOPLE, visible=torch.ones(2, 3)),
            "dtype torch.float32.*visible > 0",
        ),
        (lambda: show_confusion_matrix(COUNTS, ["a"]), "for 3 classes"),
    ],
)
def test_every_figure_refuses_options_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- the look --------------------------------------------------------------------------------------


def page():
    return plt.rcParams["figure.facecolor"]


def test_house_lines_are_seen_on_white_and_on_dark_pages(look):
    assert contrast(page(), {"light": "white", "dark": "black"}[look]) < 1.2
    colors = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert len(set(colors)) == len(colors) >= 4
    for color in colors:
        assert contrast(color, page()) >= 3, color
        # The book shows light figures on dark pages, too: it exchanges their ink alone.
        assert contrast(color, "#ffffff") >= 3, color
        assert contrast(color, "#14181e") >= 3, color


def test_house_ink_is_black_in_the_light_and_never_in_the_dark(look):
    assert contrast(plt.rcParams["text.color"], page()) > 7
    black = {name for name, value in plt.rcParams.items() if "color" in name and is_black(value)}
    if look == "light":  # the book exchanges black, and nothing near it
        names = {"text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"}
        assert names <= black
    else:
        assert black == set()


def is_black(value):
    return isinstance(value, str) and is_color_like(value) and to_rgba(value) == (0, 0, 0, 1)


def test_the_dark_look_holds_only_what_differs():
    folder = Path(iip_lib.__file__).parent
    own = matplotlib.rc_params_from_file(folder / "house_dark.mplstyle", use_default_template=False)
    with plt.style.context(LIGHT):
        assert own
        assert {name for name, value in own.items() if plt.rcParams[name] == value} == set()


@pytest.mark.parametrize("name", CALLS)
def test_every_figure_is_drawn_for_its_page(name, look):
    show, given = CALLS[name]
    figure = show(*given)
    assert to_rgb(figure.get_facecolor()) == to_rgb(page())
    for ax in figure.axes:
        texts = [ax.title, ax.xaxis.label, ax.yaxis.label]
        texts += ax.get_xticklabels() + ax.get_yticklabels()
        inks = [text.get_color() for text in texts]
        inks += [spine.get_edgecolor() for spine in ax.spines.values()]
        assert min(contrast(ink, page()) for ink in inks) > 7
    color = np.array(to_rgb(page())) * 255
    with plt.style.context("default"):  # when it is saved does not matter
        assert pixels(figure)[0, 0, :3] == pytest.approx(color, abs=1)


def test_figures_follow_any_dark_style_and_a_transparent_page():
    for style in ("dark_background", {"text.color": "#dddddd", "figure.facecolor": "none"}):
        with plt.style.context(style):
            figure = show_images(some())
        assert contrast(figure.get_facecolor(), "black") < 1.2
    with plt.style.context({"figure.facecolor": "none"}):
        assert to_rgb(show_images(some()).get_facecolor()) == (1, 1, 1)


def test_the_cells_of_a_confusion_matrix_are_legible(look):
    shares = torch.stack([torch.arange(21), 20 - torch.arange(21)], dim=1)  # from 0 to 1
    matrix = torch.zeros(21, 21, dtype=torch.int64)
    matrix[:, :2] = shares
    ax = show_confusion_matrix(matrix).axes[0]
    cells = ax.images[0].to_rgba(ax.images[0].get_array()).reshape(-1, 4)
    for text, cell in zip(ax.texts, cells, strict=True):
        assert contrast(text.get_color(), cell[:3]) > 3.5


def test_the_points_of_a_decision_boundary_stand_out_from_their_area(look):
    ax = plot_decision_boundary(to_the_right, POINTS, CLASSES, 5).axes[0]
    for line in ax.lines:
        area = 0.35 * np.array(to_rgb(line.get_color())) + 0.65 * np.array(to_rgb(page()))
        assert contrast(line.get_markeredgecolor(), area) > 4.5
