"""The ranking recipe, as a user runs it, and the labels that it trains on."""

import json

import numpy as np
import pandas as pd
import pytest

from recipes import ranking, shared
from tests.recipes.processes import Recipe, shown_rows
from tfrs_ext import data, serving


# Not NeuMF: it knows ids alone, and so few rows don't teach it more than the items' rates.
@pytest.mark.slow
@pytest.mark.parametrize("model", ["din", "dien", "dcn_v2", "wide_deep"])
def test_a_ranker_is_tuned_trained_exported_and_asked(tmp_path, model):
    recipe = Recipe(ranking, tmp_path)
    final = recipe.run("all", "--smoke", "--epochs", "6", "--model", model)
    assert final.returncode == 0, final.stdout + final.stderr
    assert serving.list_versions(recipe.base) == [1]
    report = json.loads((recipe.runs / "metrics.json").read_text())
    assert report["model"]["auc"] > report["item rate"]["auc"] > 0.6
    assert report["constant"]["gauc"] == 0.5
    hparams = json.loads((recipe.runs / "hparams.json").read_text())
    assert hparams["model"] == model

    assert f"Ranking, {model}" in (recipe.runs / "report.html").read_text()
    assert "item rate" in (recipe.base / "1" / "assets.extra" / "model_card.md").read_text()

    items = ("17", "4", "9")
    chosen = [part for item in items for part in ("--candidate", item)]
    answer = recipe.run("query", "--user", "17", *chosen)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    ranked = [line.split("│")[2].strip() for line in shown_rows(answer)]
    assert sorted(ranked) == sorted(items)


def test_an_unknown_model_is_refused_in_one_line(tmp_path):
    result = Recipe(ranking, tmp_path).run_here("train", "--smoke", "--model", "deepfm")
    assert result.exit_code == 1
    assert "`model` must be one of" in " ".join(result.stdout.split())


def settings_of(tmp_path, table, options=(), **schema):
    table.to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    paths = {"interactions": tmp_path / "log.csv", "schema": tmp_path / "schema.json"}
    paths = {name: str(path) for name, path in paths.items()}
    source = shared.DataSource("log", split="random", **paths)
    values = {"trials": 1, "budget": None, "epochs": 1, "patience": 1, "user": None, "k": 3}
    folders = {"runs": tmp_path / "runs", "base": tmp_path / "base"}
    values |= {"trial_epochs": 1, "out": None, "requests": None}
    values |= {"seed": 1, "fresh": False, "model": "din", "candidates": ()}
    values |= {"positive_from": None, "positive_values": (), **dict(options)}
    return ranking.Settings.of("ranking", source, **values, **folders)


@pytest.fixture
def log():
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(10), 20)
    items = np.concatenate([rng.permutation(40)[:20] for _ in range(10)])
    return pd.DataFrame({"user_id": users, "item_id": items, "timestamp": np.arange(200)})


def labels_of(settings):
    split = settings.split
    parts = (split.train, split.validation, split.test)
    rows = pd.concat([part.interactions for part in parts])
    return rows[split.train.schema.label], rows


def test_stars_become_labels(tmp_path, log):
    stars = np.arange(200) % 5 + 1
    settings = settings_of(tmp_path, log.assign(rating=stars))
    labels, rows = labels_of(settings)
    assert labels.tolist() == (rows["rating"] >= 4).astype(float).tolist()
    assert len(data.keep_positives(settings.frames).interactions) == 80


def test_labels_of_ones_own_are_taken_as_they_are(tmp_path, log):
    clicks = (np.arange(200) % 3 == 0).astype(int)
    labels, rows = labels_of(settings_of(tmp_path, log.assign(click=clicks), label="click"))
    assert len(labels) == 200
    assert labels.tolist() == (rows["timestamp"] % 3 == 0).astype(float).tolist()


def test_without_labels_what_was_not_taken_is_negative(tmp_path, log):
    settings = settings_of(tmp_path, log)
    labels, rows = labels_of(settings)
    taken = set(log[["user_id", "item_id"]].itertuples(index=False, name=None))
    pairs = rows[["user_id", "item_id"]].itertuples(index=False, name=None)
    assert labels.tolist() == [float(pair in taken) for pair in pairs]
    assert labels.mean() == 0.5
    assert len(data.keep_positives(settings.frames).interactions) == 200


def test_stars_that_are_missing_are_no_dislikes_and_what_counts_is_said(tmp_path, log, capsys):
    stars = np.where(np.arange(200) % 4 == 0, np.nan, np.arange(200) % 5 + 1)
    settings = settings_of(tmp_path, log.assign(rating=stars))
    labels, rows = labels_of(settings)
    assert labels.tolist() == (rows["rating"] >= 4).astype(float).tolist()
    assert len(labels) == 150
    said = " ".join(capsys.readouterr().out.split())
    assert f"labels: rating from 4, {labels.mean():.1%} of 150 rows are positive" in said


def test_a_threshold_and_events_say_what_is_positive(tmp_path, log):
    scores = np.arange(200) % 10 + 1
    labels, rows = labels_of(settings_of(tmp_path, log.assign(rating=scores), {"positive_from": 8}))
    assert labels.tolist() == (rows["rating"] >= 8).astype(float).tolist()
    events = np.array(["view", "cart", "buy"])[np.arange(200) % 3]
    options = {"positive_values": ("cart", "buy")}
    settings = settings_of(tmp_path, log.assign(event=events), options, label="event")
    labels, rows = labels_of(settings)
    assert labels.tolist() == (rows["event"] != "view").astype(float).tolist()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.arange(200) % 10 + 1, "must lie from 0 to 1, received 1 to 10.*positive_from"),
        (np.full(200, 5), "must give positives and negatives, received positives alone"),
    ],
)
def test_labels_are_refused_before_anything_is_written(tmp_path, log, column, message):
    settings = settings_of(tmp_path, log.assign(rating=column))
    with pytest.raises(ValueError, match=message):
        shared.run_steps(settings, shared.Step.TRAIN, (ranking.train,))
    assert not settings.runs.exists()
