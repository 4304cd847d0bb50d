"""The recipe of two stages, as a user runs it."""

import contextlib
import fnmatch
import json
import os
import signal
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest

from recipes import two_stage
from tests.recipes.processes import Forked, Recipe, shown_rows
from tfrs_ext import serving
from tfrs_ext._keras import keras


@pytest.fixture
def recipe(tmp_path):
    return Recipe(two_stage, tmp_path)


@pytest.mark.slow
def test_two_stages_are_trained_exported_asked_and_written_out(recipe, tmp_path):
    rules = ("--tags", "category", "--group", "category=3", "--diversity", "mmr")
    final = recipe.run("all", "--smoke", "--epochs", "3", *rules)
    assert final.returncode == 0, final.stdout + final.stderr
    assert serving.list_versions(recipe.base) == [1]
    assert len(shown_rows(final)) == 10
    metrics = json.loads((recipe.runs / "metrics.json").read_text())
    assert metrics["model"]["ndcg_at_10"] > metrics["popular"]["ndcg_at_10"]
    page = (recipe.runs / "report.html").read_text()
    assert "Recall of stage one" in page
    manifest = serving.read_manifest(recipe.base / "1")
    assert manifest["generators"] == {"tower": 40, "item to item": 20, "popular": 10}
    assert manifest["fingerprint"] in page
    answer = recipe.run("query", "--smoke", "--user", "17", "-k", "3")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert len(shown_rows(answer)) == 3
    out = tmp_path / "recs"
    written = recipe.run_here("recommend", "--smoke", "--out", str(out), "-k", "5")
    assert written.exit_code == 0, written.output
    assert (out / "_SUCCESS").exists()


def written(folder, name):
    """The files of a name in a folder, and when they were written."""
    times = {}
    # The recipe renames and deletes meanwhile: `walk` passes over folders that are gone.
    for parent, _, files in os.walk(folder):
        for path in (Path(parent, file) for file in fnmatch.filter(files, name)):
            with contextlib.suppress(FileNotFoundError):
                times[path] = path.stat().st_mtime_ns
    return times


@pytest.mark.slow
def test_every_stage_may_be_stopped_and_killed_and_the_same_command_goes_on(tmp_path):
    recipe = Forked(two_stage, tmp_path, "--smoke", "--ranker", "dnn")
    runs, base = recipe.runs, recipe.base
    for folder, name, by in (
        (runs / "retriever" / "tuner", "*", signal.SIGINT),
        (runs / "retriever" / "tuner", "*", signal.SIGKILL),
        (runs / "retriever" / "train", "history.csv", signal.SIGINT),
        (runs / "retriever" / "train", "history.csv", signal.SIGKILL),
        (runs / "tuner", "*", signal.SIGINT),
        (runs / "train", "history.csv", signal.SIGKILL),
        (base, "*", signal.SIGINT),
    ):
        before = written(folder, name)
        is_time = lambda: written(folder, name) != before  # noqa: B023, E731
        ended = recipe.stop_when(is_time, by, "all")
        assert ended == (130 if by == signal.SIGINT else -signal.SIGKILL), recipe.log.read_text()
    assert serving.list_versions(base) == []

    assert recipe.run("all") == 0, recipe.log.read_text()
    assert serving.list_versions(base) == [1]
    for part in (runs, runs / "retriever"):
        assert len(json.loads((part / "trials.json").read_text())) == 1
        epochs = pd.read_csv(part / "train" / "history.csv")["epoch"].tolist()
        assert epochs == list(range(len(epochs)))
    metrics = json.loads((runs / "metrics.json").read_text())
    assert metrics["model"]["ndcg_at_10"] > metrics["popular"]["ndcg_at_10"]


def test_a_ranker_begins_anew_where_the_retriever_has_learnt_more(tmp_path, monkeypatch):
    retriever = keras.Sequential([keras.layers.Dense(1, input_shape=[2])])
    settings = mock.Mock(runs=tmp_path, index="exact", candidates=5)
    settings.fit_part.return_value = retriever
    settings.ranker_data.return_value = (mock.Mock(features=()), {})
    decisive = []

    def fit(*arguments, depends_on, **options):
        decisive.append(depends_on)
        raise InterruptedError

    monkeypatch.setattr(two_stage.shared, "fit", fit)
    for bias in (0.0, 0.0, 1.0):
        retriever.layers[0].bias.assign([bias])
        with pytest.raises(InterruptedError):
            two_stage.train(settings)
    first, same, later = map(json.dumps, decisive)
    assert first == same != later


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("query",), "run `export` first"),
        (("recommend", "--smoke"), "`recommend` needs `--out FOLDER`"),
        (("recommend", "--smoke", "--out", "recs"), "run `export` first"),
        (("export", "--smoke"), "run `train` first"),
        (("train", "--smoke", "--tags", "colour"), "`tags` must be one of ['item_id', "),
        (("tune", "--smoke", "--group", "category"), "`group` must be COLUMN=N"),
        (("train", "--smoke", "--diversity", "luck"), "`diversity` must be one of mmr, dpp"),
        (("train", "--smoke", "--index", "hnsw"), "`index` must be one of auto, exact"),
        (("train", "--smoke", "--ranker", "luck"), "`ranker` must be one of"),
        (("train", "--smoke", "--retriever", "luck"), "`retriever` must be one of two_tower"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(recipe, arguments, message):
    result = recipe.run_here(*arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.stdout.split())
    assert not (recipe.runs / "retriever").exists()
