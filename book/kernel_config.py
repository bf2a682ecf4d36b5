"""Settings of the kernel that executes the book (not of a reader's own kernel).

Figures are drawn as SVG with text kept as text, so that book/_ext/figures.py can translate their
words; names of their parts and their size do not change from run to run. Connections to other hosts
are noted in the file that IIP_CONNECTIONS names, for the budget of downloads.
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

# Python's own sockets, which all download functions use; the kernel's channels are not among them.
WATCH = """
def _watch():
    import ipaddress, os, sys
    notes = os.environ.get("IIP_CONNECTIONS")

    def note(event, arguments):
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            host = str(arguments[1][0])
            try:
                local = ipaddress.ip_address(host).is_loopback
            except ValueError:
                local = host == "localhost"
            if not local:
                with open(notes, "a", encoding="utf-8") as file:
                    file.write(host + chr(10))

    if notes:
        sys.addaudithook(note)

_watch()
del _watch
"""
c.IPKernelApp.exec_lines = [WATCH]
