"""TensorBoard itself reads what was written."""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import projector_plugin
from werkzeug.test import Client

from tests.report.runs import whole
from tfrs_ext import report

VECTORS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
TITLES = ["Heat", "Tab\there", "Line\nbreak", "", "映画"]


class _Flags:
    logdir = ""


def _ask(folder, route, **query):
    multiplexer = event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(folder))
    context = base_plugin.TBContext(logdir=str(folder), multiplexer=multiplexer, flags=_Flags())
    app = projector_plugin.ProjectorPlugin(context).get_plugin_apps()[route]
    answer = Client(app).get("/", query_string=query)
    assert answer.status_code == 200
    return answer.data


def test_the_projector_serves_vectors_and_titles(tmp_path):
    labels = {"title": TITLES, "id": range(5)}
    report.log_embeddings(tmp_path, VECTORS, labels)
    report.log_embeddings(tmp_path, 2 * VECTORS[:2], {"name": ["a", "b"]}, name="users")
    config = json.loads(_ask(tmp_path, "/info", run="."))
    names = [entry["tensorName"] for entry in config["embeddings"]]
    assert names == ["items", "users"]
    data = _ask(tmp_path, "/tensor", run=".", name="items")
    np.testing.assert_array_equal(np.frombuffer(data, np.float32).reshape(5, 3), VECTORS)
    table = _ask(tmp_path, "/metadata", run=".", name="items").decode()
    rows = list(csv.reader(table.splitlines(), delimiter="\t"))
    assert rows[0] == ["title", "id"]
    assert [row[0] for row in rows[1:]] == ["Heat", "Tab here", "Line break", "–", "映画"]  # noqa: RUF001
    assert _ask(tmp_path, "/metadata", run=".", name="users").decode().split() == ["a", "b"]


def test_a_tensor_written_again_is_replaced(tmp_path):
    for factor in (1, 3):
        report.log_embeddings(tmp_path, factor * VECTORS, {"title": TITLES})
    config = json.loads(_ask(tmp_path, "/info", run="."))
    assert len(config["embeddings"]) == 1
    data = _ask(tmp_path, "/tensor", run=".", name="items")
    np.testing.assert_array_equal(np.frombuffer(data, np.float32).reshape(5, 3), 3 * VECTORS)


def test_labels_are_as_many_as_embeddings(tmp_path):
    with pytest.raises(ValueError, match=r"columns of 5 values.*received {'title': 4}"):
        report.log_embeddings(tmp_path, VECTORS, {"title": TITLES[1:]})
    with pytest.raises(ValueError, match=r"`labels` must hold columns"):
        report.log_embeddings(tmp_path, VECTORS, {})


def test_hparams_reads_every_trial_with_its_values_and_its_score(tmp_path):
    trials = whole(trials=3).trials
    for _ in range(2):
        report.log_trials(tmp_path, trials, "val_ndcg_at_10")
    runs = event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    assert sorted(runs.Runs()) == ["trial_0", "trial_1", "trial_2", "trial_x"]
    for trial in trials:
        name = f"trial_{trial['trial']}"
        content = runs.SummaryMetadata(name, "_hparams_/session_start_info").plugin_data.content
        start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
        assert set(start.hparams) == set(trial["values"])
        if trial["score"] is not None:
            (event,) = runs.Tensors(name, "val_ndcg_at_10")
            assert tf.make_ndarray(event.tensor_proto) == np.float32(trial["score"])
            assert start.hparams["optimizer"].string_value == trial["values"]["optimizer"]
