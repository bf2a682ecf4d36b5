"""Figures: the given numbers are drawn, and no word that was not given."""

import io

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from iip_lib.viz import plot_history, show_feature_maps, show_images, show_numbers

FUNCTIONS = [show_images, show_feature_maps, show_numbers]


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
    figure.savefig(file, format="png", metadata={"Software": None})
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
        (torch.full((1, 4, 4), 255.0), r"from 255 to 255.*clamp"),
        (torch.full((1, 4, 4), float("nan")), "from nan to nan"),
    ],
)
def test_show_images_refuses(image, message):
    with pytest.raises(ValueError, match=message):
        show_images([image])


def test_signed_colours():
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


def test_show_numbers_writes_each_number_at_its_place():
    table = torch.tensor([[-1.25, 0.0, 3.0], [0.04, -0.04, 10.0]])
    figure = show_numbers(table, decimals=1)
    written = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    expected = [["−1.2", "0.0", "3.0"], ["0.0", "0.0", "10.0"]]
    assert written == {(j, i): expected[i][j] for i in range(2) for j in range(3)}


def test_show_numbers_are_legible_on_every_cell():
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
        ((EPOCHS, ["test_loss"]), "no 'test_loss' in each epoch.*choose from epoch, train_loss"),
        ((EPOCHS, None, ["one"]), "one label for each is needed: give a list of 2"),
        ((EPOCHS, ["seconds"], "s"), "one label for each is needed"),
    ],
)
def test_plot_history_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_history(*arguments)


def test_house_lines_are_seen_on_white_and_on_dark_pages():
    with plt.style.context("iip_lib.house"):
        colors = plt.rcParams["axes.prop_cycle"].by_key()["color"]
        ink = {plt.rcParams[name] for name in ("text.color", "axes.edgecolor", "xtick.color")}
    assert len(set(colors)) == len(colors) >= 4
    for color in colors:
        assert contrast(color, "#ffffff") >= 3, color
        assert contrast(color, "#14181e") >= 3, color
    assert {to_rgb(color) for color in ink} == {(0, 0, 0)}
