"""Logged answers: written by the server, read back, and labelled."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from tfrs_ext import serving
from tfrs_ext.serving.rest import answer_log


@pytest.fixture
def version(tmp_path):
    folder = tmp_path / "model" / "3"
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "assets.extra" / "manifest.json").write_text(json.dumps({"item_id": "sku"}))
    return folder


INPUTS = {"user_id": np.array([b"anna", b"ben"], object), "k": np.int32(3)}
OUTPUTS = {
    "sku": np.array([[7, 5, -1], [9, 8, 7]]),
    "score": np.array([[0.5, 0.25, -3e38], [3.0, 2.0, 1.0]], np.float32),
}


def test_answers_are_logged_row_by_row_and_read_back_as_impressions(tmp_path, version):
    log = answer_log.AnswerLog(tmp_path / "log")
    for _ in range(2):
        log.write("shop", version, "recommend", INPUTS, OUTPUTS)
    (file,) = (tmp_path / "log").iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 4
    first = lines[0]
    assert (first["model"], first["version"], first["signature"]) == ("shop", 3, "recommend")
    assert first["request"] == {"user_id": "anna", "k": 3}
    assert (first["items"], first["scores"], first["positions"]) == ([7, 5], [0.5, 0.25], [1, 2])
    shown = serving.read_impressions(tmp_path / "log")
    assert shown["user_id"].tolist() == ["anna", "anna", "ben", "ben", "ben"] * 2
    assert shown["item_id"].tolist() == [7, 5, 9, 8, 7] * 2
    assert shown["position"].tolist() == [1, 2, 1, 2, 3] * 2
    assert shown["answer"].tolist() == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]
    now = pd.Timestamp.now().timestamp()
    assert np.all(np.abs(shown["timestamp"] - now) < 600)


def test_answers_without_items_are_not_logged(tmp_path, version):
    log = answer_log.AnswerLog(tmp_path / "log")
    log.write("shop", version, "embed_user", INPUTS, {"embedding": np.eye(2)})
    log.write("shop", tmp_path / "no manifest", "recommend", INPUTS, OUTPUTS)
    assert list((tmp_path / "log").iterdir()) == []


def test_what_cannot_be_logged_is_said_and_stops_nothing(tmp_path, version, caplog):
    log = answer_log.AnswerLog(tmp_path / "log")
    with caplog.at_level(logging.ERROR):
        log.write("shop", version, "recommend", {"user_id": np.array(["a"])}, OUTPUTS)
    assert "an answer of shop couldn't be logged" in caplog.text


def test_a_line_that_was_cut_off_is_passed_over_and_a_wrong_one_is_named(tmp_path, version):
    log = answer_log.AnswerLog(tmp_path / "log")
    log.write("shop", version, "recommend", INPUTS, OUTPUTS)
    (file,) = (tmp_path / "log").iterdir()
    whole = file.read_text()
    file.write_text(whole + whole[:40])
    assert len(serving.read_impressions(tmp_path / "log")) == 5
    file.write_text("nonsense\n" + whole)
    with pytest.raises(ValueError, match="line 1, must be JSON"):
        serving.read_impressions(tmp_path / "log")
    file.write_text('{"items": []}\n')
    with pytest.raises(ValueError, match="line 1, must be as the server writes it"):
        serving.read_impressions(tmp_path / "log")


def test_folders_that_hold_or_take_no_log_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must hold answers-"):
        serving.read_impressions(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="`answer_log` must be a folder"):
        answer_log.AnswerLog(tmp_path / "file")


def labels_by_loops(shown, taken, within):
    labels = [0] * len(shown)
    for user, item, time in taken.itertuples(index=False):
        causes = [
            (row.timestamp, i)
            for i, row in enumerate(shown.itertuples())
            if (row.user_id, row.item_id) == (user, item) and 0 <= time - row.timestamp <= within
        ]
        if causes:
            labels[max(causes)[1]] = 1
    return labels


def test_impressions_are_labelled_as_by_loops():
    rng = np.random.default_rng(4)
    shown = pd.DataFrame(
        {
            "user_id": rng.integers(0, 4, 200),
            "item_id": rng.integers(0, 5, 200),
            "timestamp": np.sort(rng.choice(2000, 200, replace=False)),
        }
    )
    taken = pd.DataFrame(
        {
            "user_id": rng.integers(0, 4, 80),
            "item_id": rng.integers(0, 5, 80),
            "timestamp": rng.integers(0, 2100, 80),
        }
    )
    found = serving.label_impressions(shown, taken, within_seconds=50)
    assert found["label"].tolist() == labels_by_loops(shown, taken, 50)
    assert found["label"].sum() > 10
    names = {"user_id": "user_id", "item_id": "sku", "timestamp": "at"}
    renamed = serving.label_impressions(
        shown,
        taken.rename(columns={"item_id": "sku", "timestamp": "at"}),
        within_seconds=50,
        **names,
    )
    assert renamed["label"].tolist() == found["label"].tolist()
    # The index says nothing: two days put together repeat its labels.
    twice = serving.label_impressions(
        shown.set_index(np.arange(200) % 100), taken, within_seconds=50
    )
    assert twice["label"].tolist() == found["label"].tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"within_seconds": 0}, "`within_seconds` must be greater than 0"),
        ({"item_id": "sku"}, r"`interactions` must have the columns .* \['sku'\] are missing"),
    ],
)
def test_what_cannot_be_labelled_is_refused(changes, message):
    table = pd.DataFrame({"user_id": [1], "item_id": [1], "timestamp": [1]})
    with pytest.raises(ValueError, match=message):
        serving.label_impressions(table, table, **{"within_seconds": 1, **changes})
