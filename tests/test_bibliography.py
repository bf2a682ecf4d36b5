"""The lists of sources are set without a search through all installed packages for each."""

import bibliography
from pybtex import plugin


def test_a_style_is_looked_for_once(monkeypatch):
    searches = []
    search = plugin.entry_points
    search = getattr(search, "__wrapped__", search)

    def note(**wanted):
        searches.append(wanted)
        return search(**wanted)

    monkeypatch.setattr(plugin, "entry_points", note)
    bibliography.setup(None)
    bibliography.setup(None)  # for a second book
    styles = [plugin.find_plugin("pybtex.style.formatting", "plain") for _ in range(3)]
    assert searches == [{"group": "pybtex.style.formatting", "name": "plain"}]
    assert styles[0].__name__ == "Style"
    assert styles[0] is styles[1] is styles[2]
