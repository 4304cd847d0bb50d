"""What the recipes do with data, folders and files, without training a recommender."""

import dataclasses
import gc
import json
import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import typer

from recipes import shared
from recipes.shared.asking import recommend
from recipes.shared.options import name_data, with_options
from tfrs_ext import report, serving, tuning
from tfrs_ext._keras import keras
from tfrs_ext.files import hold_folder
from tfrs_ext.tuning.hyper_model import FeatureHyperModel


def log(rows=120):
    rng = np.random.default_rng(0)
    ids = {"user_id": rng.integers(12, size=rows), "item_id": rng.integers(9, size=rows)}
    return pd.DataFrame({**ids, "timestamp": np.arange(rows) + 10**9})


def settings_for(folder, table=None, **options):
    path = folder / "log.csv"
    if table is not None:
        table.to_csv(path, index=False)
    sources = {name: options.pop(name) for name in ("items", "columns") if name in options}
    source = shared.DataSource("log", interactions=str(path), **sources)
    values = {
        "trials": 1,
        "budget": None,
        "trial_epochs": 2,
        "out": None,
        "requests": None,
        "epochs": 2,
        "patience": 1,
        "user": None,
        "k": 3,
    }
    values |= {"seed": 1, "fresh": False, "runs": folder / "runs", "base": folder / "base"}
    return shared.Settings.of("retrieval", source, **{**values, **options})


def run(settings, step=lambda settings: None):
    def train(settings):
        step(settings)

    shared.run_steps(settings, shared.Step.TRAIN, (train,))


class Dense(FeatureHyperModel):
    """A hypermodel of one layer."""

    objective = tuning.Objective("loss", "min")

    def __init__(self):
        super().__init__(features=())

    def declare_hyperparameters(self, hp):
        tuning.space.batch_size(hp)

    def build(self, hp):
        units = hp.Int("units", 1, 4, default=1)
        model = keras.Sequential([keras.layers.Dense(units, use_bias=False)])
        model.compile(keras.optimizers.SGD(hp.Float("rate", 0, 1, default=0.1)), "mse")
        return model


def fit(settings):
    rows = tf.data.Dataset.from_tensor_slices((np.eye(4), np.ones(4)))
    model = shared.fit(settings, Dense(), rows.batch, verbose=0)
    return model.predict(np.eye(4), verbose=0)


def test_steps_leave_all_that_is_garbage_to_collect(tmp_path):
    frozen = gc.get_freeze_count()
    run(settings_for(tmp_path, log()))
    assert gc.get_freeze_count() <= frozen


def test_other_hyper_parameters_seeds_and_epochs_are_trained_anew(tmp_path, capsys):
    settings = settings_for(tmp_path, log())
    first = fit(settings)
    np.testing.assert_array_equal(fit(settings), first)
    assert "anew" not in capsys.readouterr().out
    (settings.runs / "hparams.json").write_text(json.dumps({"units": 3}))
    assert fit(settings).shape == (4, 3)
    assert "has changed: hyperparameters" in " ".join(capsys.readouterr().out.split())
    (settings.runs / "hparams.json").unlink()
    assert not np.array_equal(fit(settings_for(tmp_path, seed=2)), first)
    assert "has changed: hyperparameters, seed" in " ".join(capsys.readouterr().out.split())
    longer = fit(settings_for(tmp_path, seed=2, epochs=4))
    assert "goes on after epoch 2" in capsys.readouterr().out
    settings = settings_for(tmp_path, seed=2, epochs=4, runs=tmp_path / "other")
    np.testing.assert_array_equal(fit(settings), longer)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("hparams.json", "[1]", r"hparams.json must hold names with values, received \[1\]"),
        ("hparams.json", "{", "hparams.json must be a JSON file"),
        (
            "hparams.json",
            '{"depth": 3}',
            r"hparams.json must fit the model.*unknown ones: \['depth'\]",
        ),
        ("hparams.json", '{"units": "many"}', "hparams.json must fit the model, .*'many'"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, text, message):
    settings = settings_for(tmp_path, log())
    settings.runs.mkdir()
    (settings.runs / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        fit(settings)


def test_an_evaluation_of_another_form_is_named(tmp_path):
    settings = settings_for(tmp_path, log())
    settings.runs.mkdir()
    (settings.runs / "evaluation.json").write_text('{"fact": 1}')
    with pytest.raises(ValueError, match=r"evaluation.json must be as `train` writes it.*fact"):
        shared.summarize(settings, "a", "val_auc")


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_model_that_loses_is_not_kept_nor_is_the_one_before(goes_on, tmp_path, monkeypatch):
    settings = dataclasses.replace(settings_for(tmp_path, log()), goes_on=goes_on)
    settings.runs.mkdir()
    written = []
    monkeypatch.setattr(report, "write_report", lambda path, summary: written.append(path) or path)
    good, bad = ({"model": {"auc": 0.7}, "rate": {"auc": rate}} for rate in (0.6, 0.7))
    for results, is_kept in ((good, True), (bad, False)):
        rows = tf.data.Dataset.from_tensor_slices((np.eye(4), np.ones(4)))
        model = shared.fit(settings, Dense(), rows.batch, verbose=0)
        summary = shared.summarize(settings, "a", "auc")
        if is_kept:
            shared.accept(settings, model, results, ["auc"], ["rate"], summary)
        else:
            with pytest.raises(RuntimeError, match="the model doesn't beat rate by auc"):
                shared.accept(settings, model, results, ["auc"], ["rate"], summary)
        assert (settings.runs / "model.keras").exists() == is_kept
        # The export that follows writes it again, but nothing follows a model that lost.
        assert len(written) == (not (is_kept and goes_on))
        written.clear()


def test_the_report_names_the_values_that_were_trained(tmp_path):
    settings = settings_for(tmp_path, log())
    fit(settings)
    (settings.runs / "hparams.json").write_text(json.dumps({"units": 4}))
    assert shared.summarize(settings, "a", "loss").hyperparameters == {
        "units": 1,
        "rate": 0.1,
        "batch_size": 1024,
    }
    assert shared.manifest_facts(settings)["hparams"]["units"] == 1


def ask(monkeypatch, settings, answer, source="log"):
    inputs = {"user_id": {"dtype": "int64"}}
    manifest = {"user_id": "user_id", "item_id": "item_id", "facts": {"source": {"name": source}}}
    manifest["signatures"] = {"recommend": {"inputs": inputs}}
    asked = []
    monkeypatch.setattr(serving, "latest_version", lambda base: base / "1")
    monkeypatch.setattr(serving, "read_manifest", lambda path: manifest)
    monkeypatch.setattr(
        serving, "query_fresh", lambda path, request, _: asked.append(request) or answer
    )
    shared.ask(settings, "recommend", k=2)
    return asked[0]


def test_answers_show_titles_as_they_are_and_say_what_is_missing(tmp_path, monkeypatch, capsys):
    answer = {"item_id": [[3, -1]], "title": [["Film 1 [/b] [uncut]", ""]], "score": [[0.5, -3e38]]}
    request = ask(monkeypatch, settings_for(tmp_path, log(), user="7"), answer)
    assert request == {"user_id": [7], "k": 2}
    said = capsys.readouterr().out
    assert "Film 1 [/b] [uncut]" in said
    assert "no item of that id is left" in " ".join(said.replace("│", " ").split())
    assert "e+38" not in said


def test_somebody_is_asked_for_who_is_in_the_data(tmp_path, monkeypatch):
    answer = {"item_id": [[3]], "score": [[0.5]]}
    settings = settings_for(tmp_path, log())
    assert ask(monkeypatch, settings, answer)["user_id"] == [0]
    with pytest.raises(ValueError, match=r"`--user` must be given.*made from films"):
        ask(monkeypatch, settings, answer, source="films")
    with pytest.raises(ValueError, match="whole numbers as ids, received 'abc'"):
        ask(monkeypatch, settings_for(tmp_path, user="abc"), answer)


def test_nobody_is_recommended_what_is_of_other_data(tmp_path, monkeypatch):
    settings = settings_for(tmp_path, log(), out=tmp_path / "recs")
    written = []
    monkeypatch.setattr(
        serving, "recommend_to_parquet", lambda *asked, **options: written.append(asked[1]) or []
    )
    ask(monkeypatch, settings, {"item_id": [[3]], "score": [[0.5]]})
    recommend(settings)
    assert list(written.pop()) == ["user_id"]
    ask(
        monkeypatch,
        dataclasses.replace(settings, user="1"),
        {"item_id": [[3]], "score": [[0.5]]},
        source="films",
    )
    with pytest.raises(ValueError, match=r"`--requests` must be given.*made from films"):
        recommend(settings)
    recommend(dataclasses.replace(settings, requests=tmp_path / "who.csv"))
    assert written == [tmp_path / "who.csv"]


def test_what_is_not_a_number_is_refused(capsys):
    with pytest.raises(typer.Exit):
        with_options(lambda **run: None)(budget=float("nan"))
    assert "`--budget` must be a number, received nan" in capsys.readouterr().out


def test_a_user_who_cannot_be_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(ValueError, match="whole numbers as ids, received 'abc'"):
        run(settings_for(tmp_path, log(), user="abc"))
    assert not (tmp_path / "runs").exists()


def test_changed_data_under_the_same_name_are_refused_until_fresh(tmp_path):
    run(settings_for(tmp_path, log()))
    (tmp_path / "runs" / "model.keras").touch()
    (tmp_path / "runs" / "notes.txt").touch()
    run(settings_for(tmp_path))
    more = log(130)
    with pytest.raises(ValueError, match="whose cells have changed since: begin anew with"):
        run(settings_for(tmp_path, more))
    run(settings_for(tmp_path, more, fresh=True))
    assert sorted(p.name for p in (tmp_path / "runs").iterdir() if p.name[0] != ".") == [
        "notes.txt",  # What the recipe didn't write stays.
        "source.json",
    ]
    run(settings_for(tmp_path))


def test_a_first_try_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="user_id"):
        run(settings_for(tmp_path, log().rename(columns={"user_id": "who"})))
    assert not (tmp_path / "runs").exists()
    run(settings_for(tmp_path, columns={"user_id": "who"}))


def test_one_process_at_a_time_writes_to_a_folder(tmp_path):
    settings = settings_for(tmp_path, log())
    with hold_folder(settings.runs), pytest.raises(RuntimeError, match="one process at a time"):
        run(settings)


def test_own_and_made_up_data_and_smoke_runs_have_folders_of_their_own(tmp_path):
    folders = set()
    for source in (
        shared.DataSource(),
        shared.DataSource(smoke=True),
        shared.DataSource("log", interactions="log.csv"),
        shared.DataSource("films", interactions="films.csv"),
    ):
        values = {"runs": None, "base": None, "epochs": 1, "trial_epochs": 1, "trials": 1}
        values.update(out=None, requests=None)
        values |= {"budget": None, "patience": 1, "user": None, "k": 1, "seed": 1, "fresh": False}
        settings = shared.Settings.of("retrieval", source, **values)
        folders |= {settings.runs, settings.base}
    assert len(folders) == 8
    assert pathlib.Path("saved_models/retrieval-films") in folders


@pytest.mark.parametrize(
    ("file", "name"), [("a/films.csv.gz", "films"), ("a/synthetic.csv", "own-synthetic")]
)
def test_own_data_are_called_by_their_file_and_never_as_made_up_ones(file, name):
    assert name_data(file) == name


def test_what_an_export_would_refuse_is_refused_when_the_data_are_loaded(tmp_path):
    items = pd.DataFrame({"item_id": range(9), "年": range(9), "月": range(9)})
    items.to_csv(tmp_path / "items.csv", index=False)
    columns = {"item_features": {"年": "numeric", "月": "numeric"}}
    path = str(tmp_path / "items.csv")
    with pytest.raises(ValueError, match="an export can't tell apart"):
        run(settings_for(tmp_path, log(), items=path, columns=columns))


def test_data_that_are_too_few_are_refused_or_warned_of(tmp_path, capsys):
    with pytest.raises(ValueError, match="two users and two items at least"):
        run(settings_for(tmp_path, log().assign(item_id=1)))
    run(settings_for(tmp_path, log(60), runs=tmp_path / "few"))
    said = " ".join(capsys.readouterr().out.split())
    assert "the test part has 6 rows: figures of so few say next to nothing" in said
