"""What makes the site of the pages: sections of docstrings, links to the reference, checks."""

import re

import pytest

from tests.house import REPOSITORY

pytest.importorskip("griffe")
pytest.importorskip("mkdocs")

from tools.docs import checks, links, pages, sections

DOC = """Does a thing.

Args:
    x: A number.

Call arguments:
    y: `[B]` scores,
        of any dtype.
    z: Weights.

Returns:
    A scalar.

Relations: `Other` is faster.

References:
    Somebody, "A paper", 2020.

Example:
    >>> 1
    1
"""


def test_sections_of_our_own_become_markdown_and_the_others_stay():
    text = sections.markdown_of(DOC)
    assert "Args:\n    x: A number.\n" in text
    assert "**Call arguments:**\n\n- `y`: `[B]` scores,\n        of any dtype.\n- `z`: We" in text
    assert "**Returns:**\nA scalar.\n" in text
    assert "**Relations:** `Other` is faster.\n" in text
    assert '**References:**\nSomebody, "A paper", 2020.\n' in text
    assert "Examples:\n    >>> 1\n    1" in text


def test_code_leads_to_the_reference_where_it_is_a_public_name():
    assert links.place_of("losses.BPR(reduction='none')") == ("losses", "BPR")
    assert links.place_of("tfrs_ext.data.synthetic") == ("data", "synthetic")
    assert links.place_of("TwoTower.from_features(…)") == ("models", "TwoTower")
    for other in ("synthetic", "losses.Nothing", "x = losses.BPR", "True", "model.fit"):
        assert links.place_of(other) is None


def test_public_names_are_those_that_python_sees():
    import importlib

    import tfrs_ext

    names = pages.public_names()
    assert sorted(names) == sorted(tfrs_ext.__all__)
    for room, found in names.items():
        module = importlib.import_module(f"tfrs_ext.{room}")
        assert set(getattr(module, "__all__", found)) == set(found)
        assert all(hasattr(module, name) for name in found)


def test_pages_that_nothing_names_follow_in_the_guides():
    nav = [{"Guides": ["b.md"]}, {"Reference": "reference/"}, {"Home": "index.md"}]
    found = pages.complete(
        nav, ["a.md", "b.md", "index.md", "reference/index.md", "reference/x.md"]
    )
    assert found[0] == {"Guides": ["b.md", "a.md"]}
    assert found[1] == {"Reference": ["reference/index.md", "reference/x.md"]}


def test_links_to_the_root_of_the_repository_lead_to_its_copies():
    assert pages.on_page_markdown("[how](../CONTRIBUTING.md#the-house)") == (
        "[how](contributing.md#the-house)"
    )


def test_what_a_page_lacks_or_fetches_is_found():
    page = '<h2 id="tfrs_ext.ops.row_loss">row_loss</h2><script src="https://a.example/x.js">'
    assert checks.missing_names(page, "ops", ["row_loss", "other"]) == ["other"]
    page += '<link href="../site.css"><a href="https://b.example">b</a>'
    assert checks.fetched_addresses(page) == ["https://a.example/x.js"]


def test_a_list_begins_after_an_empty_line():
    """Markdown of the site would take its lines for the paragraph above."""
    paths = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    runs_on = re.compile(r"^(?![-\s#>|]|\d+\.).*\n(- .*)", re.MULTILINE)
    found = {path.name: runs_on.findall(path.read_text()) for path in paths}
    assert not any(found.values()), found
