"""The page about notifications does what it says."""

import json
import pathlib
import re

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "notifications.md"


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(code, names)
    assert json.loads((tmp_path / "bandit.json").read_text())["state"]["rounds"] == (
        len(names["learn"]) + 1
    )
    value = names["value"]
    assert value.self_normalised.mean > value.logged.mean
    assert len(re.findall(r"\[-?0\.\d+, 0\.\d+\]", capsys.readouterr().out)) >= 2
