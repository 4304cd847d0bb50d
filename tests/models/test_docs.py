"""The page about retrievers does what it says."""

import pathlib
import re

import pytest

from tfrs_ext import models

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "retrieval.md"


@pytest.mark.slow
def test_the_python_of_the_page_runs_from_top_to_bottom(capsys):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(block, names)
    assert models.RETRIEVERS.pop("linear").model is names["Linear"]
    assert len(names["best"]) == 10
    assert (names["seconds"] > 0).all()


def test_every_name_of_the_package_is_on_the_page():
    ours = {
        name for name, found in models.RETRIEVERS.items() if "tfrs_ext" in found.model.__module__
    }
    rows = re.findall(r"^\| `(\w+)` \| `models\.(\w+)`", PAGE.read_text(), re.MULTILINE)
    assert {name: models.RETRIEVERS[name].model.__name__ for name in ours} == dict(rows)
