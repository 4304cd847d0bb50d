"""The page about tuning does what it says."""

import pathlib
import re

import pytest

from tfrs_ext import models

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "tuning.md"


@pytest.mark.slow
def test_the_python_of_the_page_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(block, names)
    assert isinstance(names["model"], models.TwoTower)
    assert len(names["result"].trials) == 2
    printed = capsys.readouterr().out
    assert "trial 1 of 2: " in printed
    assert "setting 2 of 2, seed 13: val_ndcg_at_10" in printed
