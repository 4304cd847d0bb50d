"""The tutorials run from top to bottom, and print and draw what their pages show."""

import re

import matplotlib
import pytest

from tests.house import REPOSITORY
from tools.docs import tutorials

PAGES = [pytest.param(path, id=path.stem) for path in tutorials.PAGES]
PAGE = 'A.\n```python\nprint("a 1")\n```\n\n```text\nold\n```\n\n```python\nx = 1\n```\nB.\n'


def words(text):
    """The words of a text: other processors and versions round other digits."""
    return re.sub(r"-?\d[\d,]*(\.\d+)?(e[+-]\d+)?", "N", " ".join(text.split()))


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_a_tutorial_prints_and_draws_what_it_shows(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = path.read_text()
    printed = tutorials.run_page(text)
    shown = [step.printed for step in tutorials.steps_of(text)]
    assert list(map(words, printed)) == list(map(words, shown))
    drawn = {picture.name for picture in tmp_path.glob("*.svg")}
    assert drawn
    assert drawn == set(re.findall(r"\]\(\.\./images/([\w.]+)\)", text))
    assert all((REPOSITORY / "docs" / "images" / name).exists() for name in drawn)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["index.md", "get_started.md"])
def test_the_python_of_the_first_pages_runs(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert tutorials.run_page((REPOSITORY / "docs" / name).read_text())


def test_the_printed_lines_of_a_page_are_renewed_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = tutorials.run_page(PAGE)
    assert printed == ["a 1\n", ""]
    assert tutorials.with_printed(PAGE, printed) == PAGE.replace("old", "a 1")
    once_more = tutorials.with_printed(PAGE.replace("\n```text\nold\n```\n", ""), printed)
    assert once_more == PAGE.replace("old", "a 1")


def test_each_tutorial_is_in_the_list():
    listed = (REPOSITORY / "docs" / "tutorials" / "index.md").read_text()
    assert re.findall(r"\]\((\d\d_\w+\.md)\)", listed) == [path.name for path in tutorials.PAGES]
    assert matplotlib.get_backend()  # What runs a page leaves matplotlib as it was.
