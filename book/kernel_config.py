"""Settings of the kernel that executes the book (not of a reader's own kernel).

Figures are drawn as SVG with text kept as text, so that book/_ext/figures.py can translate their
words; names of their parts and their size do not change from run to run.
"""

c = get_config()  # noqa: F821 (given by IPython)

c.HistoryManager.enabled = False
c.IPKernelApp.matplotlib = "inline"  # now: at the first figure it could be inside a style context
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": None, "metadata": {"Date": None}}
c.InlineBackend.rc = {
    "svg.fonttype": "none",
    "svg.hashsalt": "book",
    "image.composite_image": False,
}
