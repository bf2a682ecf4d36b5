"""Texts of cells: found in the source, put back into it, nothing else touched."""

import ast

import pytest
from localize_code import cell_messages, comments, localize_source, translate_text, width, wrap


def texts(source, kind=None, metadata=None):
    messages, _ = cell_messages(source, metadata)
    return [m.text for m in messages if kind in (None, m.kind)]


class TestComments:
    def test_lines_of_a_block_are_one_text(self):
        assert [c.text for c in comments("# one line\n# and the next\nx = 1\n")] == [
            "one line and the next"
        ]

    def test_an_empty_comment_line_parts_two_texts(self):
        assert [c.text for c in comments("# first part\n#\n# second part\n")] == [
            "first part",
            "second part",
        ]

    @pytest.mark.parametrize("comment", ["(N, C, H, W)", "(N, C_out)", "noqa: E501", "3 × 3"])
    def test_shapes_and_marks_are_no_texts(self, comment):
        assert comments(f"x = 1  # {comment}\n") == []

    def test_a_hash_in_a_string_is_no_comment(self):
        assert comments("color = '#d55e00 is red'\n") == []


class TestFigureWords:
    @pytest.mark.parametrize(
        ("source", "words"),
        [
            ('ax.set_title("the title")', ["the title"]),
            ('ax.plot(x, y, label="a curve", color="red")', ["a curve"]),
            ('ax.legend(["left", "right"], loc="upper left")', ["left", "right"]),
            ('titles = ["before", "after"]', ["before", "after"]),
            ('labels = {"box": "box blur"}', ["box", "box blur"]),
            ('ax.text(1, 2, "here", ha="center")', ["here"]),
            ('ax.set(xlabel="time", ylim=(0, 1))', ["time"]),
            ('ax.set_title("{n} steps".format(n=names["few"]))', ["{n} steps"]),
            ('show_images(images, titles=["x", "kernel"])', ["kernel"]),
            ('print("not in a figure")', []),
        ],
    )
    def test_literals(self, source, words):
        assert sorted(texts(source, "word")) == sorted(words)

    def test_an_f_string_is_refused(self):
        _, complaints = cell_messages('ax.set_title(f"after {n} steps")')
        assert "line 1" in complaints[0]
        assert ".format" in complaints[0]

    def test_an_f_string_without_words_is_fine(self):
        assert cell_messages('ax.set_title(f"{n:.2f}")')[1] == []


CHECK = """def check_size(answer) -> str:
    if answer is None:
        return "✗ There is no answer."
    return ("✗ The answer is {answer:.2f}, "
            "which is too large.").format(answer=answer)
"""


class TestChecks:
    def test_sentences(self):
        assert texts(CHECK, "check") == [
            "✗ There is no answer.",
            "✗ The answer is {answer:.2f}, which is too large.",
        ]

    def test_only_cells_that_check_hold_messages(self):
        assert texts('def helper():\n    return "a sentence of words"\n') == []

    def test_functions_beside_the_check_count(self):
        source = 'def read(a):\n    return "✗ No number."\n' + CHECK
        assert "✗ No number." in texts(source, "check")

    def test_translations_are_put_back(self):
        translations = {
            "✗ There is no answer.": '✗ 答えが"ありません"。',
            "✗ The answer is {answer:.2f}, which is too large.": "✗ 答えは{answer:.2f}で、"
            + "大きすぎます。" * 12,
        }
        source = localize_source(CHECK, translations)
        namespace = {}
        exec(source, namespace)
        check = namespace["check_size"]
        assert check(None) == translations["✗ There is no answer."]
        template = translations["✗ The answer is {answer:.2f}, which is too large."]
        assert check(3) == template.format(answer=3)
        assert max(width(line) for line in source.splitlines()) <= 110


class TestPuttingBack:
    SOURCE = "x = 1\n# Double it, as the text says,\n# and keep it.\ny = 2 * x  # the double of x\nz = 'é # no comment'  # (N, C)\n"

    def test_only_comments_change(self):
        translations = {
            "Double it, as the text says, and keep it.": "本文のとおり二倍にして、" * 8,
            "the double of x": "xの二倍",
        }
        new = localize_source(self.SOURCE, translations)
        assert ast.dump(ast.parse(new)) == ast.dump(ast.parse(self.SOURCE))
        assert "y = 2 * x  # xの二倍" in new
        assert "z = 'é # no comment'  # (N, C)" in new
        assert all(width(line) <= 79 for line in new.splitlines())
        assert "Double" not in new

    def test_nothing_to_translate_changes_nothing(self):
        assert localize_source(self.SOURCE, {}) == self.SOURCE

    def test_wrap_loses_no_character(self):
        text = "畳み込みは、カーネルを少しずつ動かしながら、窓の中の画素値との積和を計算する演算です。kernel と呼びます。"
        lines = wrap(text, 30)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(width(line) <= 32 for line in lines)
        assert not any(line.startswith(("、", "。", "ー")) for line in lines)


class TestOutputs:
    def test_text(self):
        assert translate_text("time", {"time": "時間"}) == "時間"
        assert translate_text("place", {"time": "時間"}) is None

    def test_template_filled_with_values(self):
        known = {"after {n} of {total:.1f} steps": "全{total:.1f}中{n}歩の後"}
        assert translate_text("after 3 of 10.0 steps", known) == "全10.0中3歩の後"

    def test_template_does_not_match_other_texts(self):
        assert translate_text("before 3 steps", {"after {n} steps": "{n}歩の後"}) is None


def test_alternative_text_and_caption():
    metadata = {
        "mystnb": {"image": {"alt": "A\ncat."}, "figure": {"caption": "One.\nTwo.\n\nThree."}}
    }
    assert texts("x = 1", "alt", metadata) == ["A cat."]
    assert texts("x = 1", "caption", metadata) == ["One. Two.", "Three."]


def test_a_cell_of_another_language_is_left_alone():
    source = "%%bash\nls  # list the files"
    assert localize_source(source, {"x": "y"}) == source
