"""The retrieval recipe, as a user runs it: in processes, on files, and killed."""

import json
import os
import pathlib
import re
import shlex
import signal
import time

import numpy as np
import pandas as pd
import pytest

from recipes import retrieval
from tests.recipes.processes import Recipe, shown_rows
from tfrs_ext import baselines, files, serving


@pytest.fixture
def recipe(tmp_path):
    return Recipe(retrieval, tmp_path)


def entries(folder):
    return [p.name for p in folder.iterdir()] if folder.exists() else []


@pytest.mark.slow
def test_a_run_that_is_killed_in_every_stage_ends_as_if_it_had_not_been(recipe):
    runs, base = recipe.runs, recipe.base
    everything = ("all", "--smoke", "--trials", "2")
    trials = lambda: list((runs / "tuner").glob("trial_*"))  # noqa: E731
    assert recipe.kill_when(lambda: len(trials()) == 2, *everything)
    assert not (runs / "hparams.json").exists()
    assert recipe.kill_when((runs / "train" / "history.csv").exists, *everything)
    assert not (runs / "model.keras").exists()
    assert recipe.kill_when(lambda: bool(entries(base)), *everything)
    assert serving.list_versions(base) == []

    final = recipe.run(*everything)
    assert final.returncode == 0, final.stdout + final.stderr
    # The console shows our lines alone, none redrawn.
    assert final.stderr == ""
    assert not {"\r", "\b"} & {*final.stdout}
    assert "Step 4: asks the newest version" in final.stdout
    for found in (runs / "report.html", base / "1" / "assets.extra" / "model_card.md"):
        assert str(found) in final.stdout.rpartition(" done ")[2]
    assert serving.list_versions(base) == [1]
    assert [name for name in entries(base) if name != "1"] in ([], [".lock"])
    assert len(json.loads((runs / "trials.json").read_text())) == 2
    epochs = pd.read_csv(runs / "train" / "history.csv")["epoch"].tolist()
    assert sorted(set(epochs)) == list(range(max(epochs) + 1))
    report = json.loads((runs / "metrics.json").read_text())
    assert report["planted truth"]["ndcg_at_10"] > report["model"]["ndcg_at_10"]
    assert report["model"]["ndcg_at_10"] > 1.2 * report["popularity"]["ndcg_at_10"]
    assert report["popularity"]["ndcg_at_10"] > 1.5 * report["random"]["ndcg_at_10"]
    page = (runs / "report.html").read_text()
    assert f"{report['model']['ndcg_at_10']:.4f}" in page
    for section in ("accuracy", "fairness", "samples", "training", "search", "index", "origin"):
        assert f'<section id="{section}"' in page
    card = (base / "1" / "assets.extra" / "model_card.md").read_text()
    assert serving.read_manifest(base / "1")["fingerprint"] in card

    answer = recipe.run("query", "--user", "17", "-k", "3")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert len(shown_rows(answer)) == 3


@pytest.mark.slow
def test_two_workers_of_whom_one_is_killed_end_as_one_process_does(recipe, tmp_path):
    alone = Recipe(retrieval, tmp_path / "alone")
    for each in (alone, recipe):
        each.runs.mkdir(parents=True)
        # Each replica drops other units: without dropout, both ways are one.
        (each.runs / "hparams.json").write_text('{"dropout": 0.0}')
    train = ("train", "--smoke", "--epochs", "3")
    assert alone.run(*train).returncode == 0
    written = recipe.runs / "train" / "history.csv"
    killed = recipe.start(*train, "--workers", "2")
    while not written.exists():
        assert killed.poll() is None
        time.sleep(0.02)
    children = pathlib.Path(f"/proc/{killed.pid}/task/{killed.pid}/children")
    os.kill(int(children.read_text().split()[1]), signal.SIGKILL)
    assert killed.wait() == 1
    result = recipe.run(*train, "--workers", "2")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "the training goes on after epoch 1" in result.stdout
    histories = [pd.read_csv(each.runs / "train" / "history.csv") for each in (alone, recipe)]
    pd.testing.assert_frame_equal(*histories, rtol=1e-4)
    reports = [json.loads((each.runs / "metrics.json").read_text()) for each in (alone, recipe)]
    assert reports[1]["model"] == pytest.approx(reports[0]["model"], abs=2e-3)


@pytest.mark.usefixtures("kept_process")
def test_a_baseline_is_tuned_fitted_exported_and_asked(recipe):
    chosen = ("--smoke", "--model", "item_to_item")
    for step in ("tune", "train"):
        result = recipe.run_here(step, *chosen)
        assert result.exit_code == 0, result.stdout
    metrics = json.loads((recipe.runs / "metrics.json").read_text())
    rivals = {"successors", "recent", "popularity", "random"}
    assert set(metrics) == {"model", "planted truth", *rivals}
    assert metrics["model"]["ndcg_at_10"] > metrics["random"]["ndcg_at_10"]
    assert set(json.loads((recipe.runs / "hparams.json").read_text())) == {"neighbors", "shrinkage"}
    assert "Retrieval, item_to_item" in (recipe.runs / "report.html").read_text()
    result = recipe.run_here("export", *chosen)
    assert result.exit_code == 0, result.stdout
    manifest = serving.read_manifest(recipe.base / "1")
    assert manifest["baseline"]["class"] == "ItemToItemBaseline"
    result = recipe.run_here("query", *chosen, "--user", "17", "-k", "3")
    assert len(shown_rows(result)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in baselines.BASELINES if name != "item_to_item"])
def test_every_baseline_goes_through_all_steps(recipe, name):
    if name == "ials":
        pytest.importorskip("implicit", reason="the extra `ials` is missing")
    result = recipe.run_here("all", "--smoke", "--model", name)
    assert result.exit_code == 0, result.stdout
    assert serving.list_versions(recipe.base) == [1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "steps"),
    [
        # It knows ids alone, of which so few rows teach little more than popularity: no search.
        ("mf", ("train", "export")),
        ("softmax", ("all",)),
        ("youtube_dnn", ("all",)),
    ],
)
def test_a_model_with_a_name_is_trained_exported_and_asked(recipe, model, steps):
    for step in steps:
        final = recipe.run(step, "--smoke", "--epochs", "6", "--model", model)
        assert final.returncode == 0, final.stdout + final.stderr
    report = json.loads((recipe.runs / "metrics.json").read_text())
    assert report["model"]["ndcg_at_10"] > report["popularity"]["ndcg_at_10"]
    trained = json.loads((recipe.runs / "trained.json").read_text())
    assert trained["hyperparameters"]["model"] == model
    assert f"Retrieval, {model}" in (recipe.runs / "report.html").read_text()
    answer = recipe.run("query", "--user", "17", "--model", model, "--smoke", "-k", "3")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert len(shown_rows(answer)) == 3


@pytest.mark.slow
def test_the_moment_comes_with_requests_and_decides(recipe, tmp_path):
    rng = np.random.default_rng(1)
    at_night = rng.integers(2, size=1500)
    log = pd.DataFrame({
        "user_id": rng.integers(60, size=1500),
        "item_id": rng.integers(20, size=1500) + 20 * at_night,  # The upper half by night.
        "timestamp": 1_700_000_000 + 3600 * np.arange(1500),
        "when": np.where(at_night, "night", "day"),
    })  # fmt: skip
    log.to_csv(tmp_path / "log.csv", index=False)
    files.write_json(recipe.runs / "hparams.json", {"learning_rate": 0.01, "batch_size": 256})
    chosen = ("--interactions", str(tmp_path / "log.csv"), "--context-feature", "when=categorical")
    for step in ("train", "export"):
        result = recipe.run_here(step, *chosen)
        assert result.exit_code == 0, result.stdout
    assert serving.read_manifest(recipe.base / "1")["context"] == ["when"]
    request = {"user_id": [3, 3], "when": ["day", "night"], "k": 5, "exclusions": [[], []]}
    answer = serving.query_fresh(recipe.base / "1", request, "recommend")
    by_day, by_night = np.array(answer["item_id"]) >= 20
    assert not by_day.any()
    assert by_night.all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("query", "--user", "1"), "run `export` first"),
        (("export", "--smoke"), "run `train` first"),
        (("train", "--data", "netflix"), "`data` must be one of synthetic, movielens-100k"),
        (("train", "--data", "movielens1m"), "did you mean 'movielens-1m'?"),
        (("train", "--split", "by-weather"), "`split` must be one of global-time"),
        (("train", "--split", "leave-1-out"), "did you mean 'leave-one-out'?"),
        (("train", "--interactions", "no-such.csv"), "a file that is there, received no-such.csv"),
        (("train", "--interactions", "README.me"), "did you mean 'README.md'?"),
        (("train", "--interactions", "no/such.csv"), "there is no folder no"),
        (("train", "--items", "items.csv"), "`interactions` must be given with items"),
        (("train", "--user-id", "who"), "`interactions` must be given with user_id"),
        (("train", "--index", "hnsw"), "`index` must be one of auto, exact"),
        (("train", "--model", "bert"), "`model` must be one of two_tower, "),
        (("train", "--item-feature", "genre"), "a feature must be COLUMN=KIND"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(recipe, arguments, message):
    result = recipe.run_here(*arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.stdout.split())
    assert "Traceback" not in result.output


def test_a_baseline_has_no_workers(recipe):
    result = recipe.run_here("train", "--smoke", "--model", "popularity", "--workers", "2")
    assert result.exit_code == 1
    assert "`--workers` must be 1 for popularity" in result.stdout


def test_a_step_that_trains_nothing_waits_for_no_other_worker(recipe, monkeypatch):
    cluster = {"cluster": {"worker": ["localhost:1", "localhost:2"]}}
    monkeypatch.setenv("TF_CONFIG", json.dumps({**cluster, "task": {"type": "worker", "index": 0}}))
    result = recipe.run_here("query", "--smoke")
    assert result.exit_code == 1
    assert "must hold a version" in result.stdout or "no version" in result.stdout


def test_a_mistyped_step_is_told_the_nearest_and_an_example(recipe):
    result = recipe.run_here("trian")
    assert result.exit_code == 2
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())
    assert "did you mean 'train'?" in said
    assert "python -m recipes.retrieval all --smoke" in said


def test_a_mistyped_argument_of_the_schema_is_told_the_nearest_and_an_example(recipe, tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\n1,2,3\n")
    (tmp_path / "schema.json").write_text('{"user": "customer"}')
    files = ("--interactions", str(tmp_path / "log.csv"), "--schema", str(tmp_path / "schema.json"))
    result = recipe.run_here("train", *files)
    said = " ".join(result.output.split())
    assert result.exit_code == 1
    assert "received 'user'; did you mean 'user_id'?" in said
    assert '{"user_id": "customer"' in said


def test_help_says_what_exit_codes_mean(recipe):
    said = " ".join(recipe.run_here("--help").output.split())
    assert "Exit codes: 0, done; 1, it can't go on" in said


@pytest.mark.parametrize(
    ("option", "value"),
    [("--trials", "0"), ("--budget", "0"), ("--epochs", "0"), ("--patience", "-1"), ("-k", "0")],
)
def test_numbers_out_of_range_are_refused_at_once(recipe, option, value):
    result = recipe.run_here("train", option, value)
    assert result.exit_code == 2
    assert not recipe.runs.exists()


def test_a_file_is_inspected_and_the_command_for_it_works(recipe, tmp_path):
    log = pd.DataFrame({"who": range(50), "sku": [i % 7 for i in range(50)], "ts": range(50)})
    log["ts"] += 1_000_000_000
    path = tmp_path / "my log.csv"
    log.rename(columns={"who": "customer_id"}).to_csv(path, index=False)
    found = recipe.run_here("inspect", "--interactions", str(path))
    assert found.exit_code == 0, found.output
    command = shlex.split(found.stdout.splitlines()[-1].removeprefix("run: "))
    assert command[1:4] == ["-m", "recipes.retrieval", "all"]
    again = recipe.run_here("export", *command[4:])
    assert "run `train` first" in " ".join(again.stdout.split())
    assert not (recipe.runs / "model.keras").exists()


def test_a_folder_of_other_data_is_refused(recipe):
    recipe.run_here("export", "--smoke")
    output = " ".join(recipe.run_here("export", "--smoke", "--held-out", "0.2").stdout.split())
    assert "`--runs` must be a folder that was begun with the same data" in output
