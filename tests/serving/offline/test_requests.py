"""Requests of a version: ids stay what they are, and nobody is asked for without an id."""

import json
import types

import numpy as np
import pandas as pd
import pytest

from tfrs_ext import serving
from tfrs_ext.serving.offline import recommender


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """From a CSV file's text, or columns, to the users whom a version is asked for."""

    def ask(requests, dtype):
        asked = []

        class Servable:
            def __init__(self, path):
                kind = np.dtype(object if dtype == "string" else dtype)
                self.inputs = {"recommend": {"user_id": types.SimpleNamespace(dtype=kind)}}
                self.outputs = {"recommend": {"item_id": None}}

            def run(self, signature, values, outputs):
                asked.extend(values["user_id"].tolist())
                return {"item_id": np.full([len(values["user_id"]), 1], 5)}

            def close(self):
                pass

        monkeypatch.setattr(recommender, "Servable", Servable)
        monkeypatch.setattr(recommender, "read_item_fields", lambda *facts: None)
        inputs = {"user_id": {"dtype": dtype, "shape": [None]}}
        manifest = {"item_id": "item_id", "fingerprint": "7"}
        manifest["signatures"] = {"recommend": {"inputs": inputs}}
        (tmp_path / "1" / "assets.extra").mkdir(parents=True)
        (tmp_path / "1" / "assets.extra" / "manifest.json").write_text(json.dumps(manifest))
        if isinstance(requests, str):
            (tmp_path / "who.csv").write_text(requests)
            requests = tmp_path / "who.csv"
        serving.recommend_to_parquet(tmp_path / "1", requests, tmp_path / "out", print_fn=None)
        return asked

    return ask


@pytest.mark.parametrize(
    ("text", "dtype", "users"),
    [
        ("user_id\n007\n8\n", "string", [b"007", b"8"]),
        ("user_id,age\n1.0,\nNA,3\n", "string", [b"1.0", b"NA"]),
        ("user_id\n007\n8\n", "int64", [7, 8]),
    ],
)
def test_a_csv_file_is_read_as_the_version_takes_it(ask, text, dtype, users):
    assert ask(text, dtype) == users


@pytest.mark.parametrize("dtype", ["string", "int64"])
@pytest.mark.parametrize("missing", [None, np.nan])
def test_columns_in_memory_are_asked_for_or_refused(ask, dtype, missing):
    users = [7, 8, missing]
    with pytest.raises(ValueError, match="a value in each row of 'user_id', received 1 of 3 rows"):
        ask({"user_id": np.array(users, object if missing is None else None)}, dtype)


@pytest.mark.parametrize(
    ("requests", "dtype", "message"),
    [
        ('user_id\n7\n""\n8\n', "int64", "received 1 of 3 rows without one"),
        ("user_id\n7.5\n", "int64", "a CSV file with the types {'user_id': 'int64'}"),
        ({"user_id": [7.0, 8.0]}, "string", "must hold texts in 'user_id', received float64"),
        ({"user_id": [7.5]}, "int64", "must hold whole numbers in 'user_id', received float64"),
    ],
)
def test_what_names_nobody_is_refused(ask, requests, dtype, message):
    with pytest.raises(ValueError, match=message):
        ask(requests, dtype)


def test_frames_of_a_cluster_keep_whole_numbers(ask, tmp_path):
    assert ask({"user_id": [7.0, 8.0]}, "int64") == [7, 8]
    frame = pd.DataFrame({"user_id": [7, 8]})
    found = list(serving.Recommender(tmp_path / "1").map_frames(iter([frame])))
    assert found[0]["item_id"].map(list).tolist() == [[5], [5]]
