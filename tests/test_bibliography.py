"""The lists of sources are set without a search through all installed packages."""

import bibliography
import pybtex.plugin


def test_each_style_is_found_without_a_search(monkeypatch):
    bibliography.setup(None)

    def search(**kwargs):
        raise AssertionError(f"all installed packages are looked through for {kwargs}")

    monkeypatch.setattr(pybtex.plugin, "entry_points", search)
    for group, name in bibliography.STYLES:
        assert issubclass(pybtex.plugin.find_plugin(group, name), pybtex.plugin.Plugin)
