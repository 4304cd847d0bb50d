"""The page about evaluation does what it says."""

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "evaluation.md"


@pytest.mark.slow
def test_the_python_of_the_page_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(block, names)
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert "val_ndcg_at_10" in names["history"]
    printed = capsys.readouterr().out
    assert re.search(r"^0\.\d+ \[0\.\d+, 0\.\d+\]$", printed, re.MULTILINE)
    assert "factorized_top_k/median_rank" in printed
    assert "# Films" in printed
