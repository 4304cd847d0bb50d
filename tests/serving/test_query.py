import json

import pytest

from tfrs_ext.serving import query


@pytest.fixture
def base(tmp_path, monkeypatch):
    version = tmp_path / "3"
    (version / "assets.extra").mkdir(parents=True)
    (version / "saved_model.pb").touch()
    signature = {
        "inputs": {"user": {"dtype": "int64", "shape": [None]}},
        "outputs": {"item": {}, "score": {}, "title": {}},
    }
    manifest = {"signatures": {"serving_default": signature}}
    (version / "assets.extra" / "manifest.json").write_text(json.dumps(manifest))

    def answer(path, inputs):
        assert (path.name, inputs) == ("3", {"user": [42]})
        return {"item": [[7, 8]], "score": [[0.5, 0.25]], "title": [["Seven", "Otto"]]}

    monkeypatch.setattr(query, "query_fresh", answer)
    return tmp_path


def test_prints_the_latest_versions_answer(base, capsys):
    query.main([str(base), "--user", "42"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["user 42: item | score | title", "  7 | 0.5000 | Seven", "  8 | 0.2500 | Otto"]


def test_tells_what_is_wrong(base, tmp_path, capsys):
    for arguments, message in (
        ([str(base), "--user", "x"], "must be an integer, received"),
        ([str(tmp_path / "nowhere"), "--user", "42"], "manifest.json is missing"),
    ):
        with pytest.raises(SystemExit):
            query.main(arguments)
        assert message in capsys.readouterr().err
