"""The recipe for notifications, as a user runs it."""

import json

import pandas as pd
import pytest

from recipes import notifications
from tests.recipes.processes import Recipe, shown_rows
from tfrs_ext import bandits, files, serving


@pytest.fixture
def recipe(tmp_path):
    return Recipe(notifications, tmp_path)


@pytest.mark.slow
def test_a_bandit_is_tuned_trained_exported_and_asked(recipe):
    final = recipe.run("all", "--smoke")
    assert final.returncode == 0, final.stdout + final.stderr
    assert serving.list_versions(recipe.base) == [1]
    metrics = json.loads((recipe.runs / "metrics.json").read_text())
    assert metrics["model"]["true_value"] > metrics["uniform"]["true_value"]
    page = (recipe.runs / "report.html").read_text()
    assert '<section id="arms"' in page
    manifest = serving.read_manifest(recipe.base / "1")
    assert manifest["fingerprint"] in page
    answer = recipe.run("query", "--smoke")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert len(shown_rows(answer)) >= 1


def test_a_log_of_ones_own_is_learnt_from(recipe, tmp_path):
    world = bandits.NotificationSimulator(4, 800, gamma=0.5, base=0.3, seed=1)
    uniform = bandits.UniformPolicy(world.arms)
    world.run(uniform, 10).to_frame().to_parquet(tmp_path / "log.parquet")
    log = ("--log", str(tmp_path / "log.parquet"))
    for step in ("tune", "train"):
        result = recipe.run_here(step, *log)
        assert result.exit_code == 0, result.stdout
    hparams = json.loads((recipe.runs / "hparams.json").read_text())
    assert hparams["gamma"] > 0
    bandit = bandits.Bandit.load(recipe.runs / "bandit.json")
    assert bandit.arms == world.arms
    assert "Share of choices by arm" in (recipe.runs / "report.html").read_text()


def test_a_bandit_that_is_not_better_is_not_saved_nor_that_of_an_earlier_run(recipe, tmp_path):
    world = bandits.NotificationSimulator(3, 100, seed=1)
    log = world.run(bandits.UniformPolicy(world.arms), 3).to_frame().assign(reward=0.0)
    log.to_parquet(tmp_path / "log.parquet")
    files.write_json(recipe.runs / "bandit.json", {})
    result = recipe.run_here("train", "--log", str(tmp_path / "log.parquet"))
    assert "isn't saved" in " ".join(result.stdout.split())
    assert not (recipe.runs / "bandit.json").exists()


@pytest.mark.parametrize("days", [None, [None, 2.0]])
def test_days_that_a_log_lacks_are_asked_as_never(recipe, tmp_path, monkeypatch, days):
    row = {"eligible": ["a", "b"], "chosen": "a", "propensity": 0.5, "reward": 1.0}
    row |= {} if days is None else {"days_since": days, "user_id": "ann"}
    pd.DataFrame([row] * 10).to_parquet(tmp_path / "log.parquet")
    asked = []

    def answer(_, request):
        asked.append(request)
        return {"arm": ["a"], "probabilities": [[0.5, 0.5]]}

    monkeypatch.setattr(serving, "latest_version", lambda base: base / "1")
    monkeypatch.setattr(serving, "query_fresh", answer)
    arguments = ("query", "--log", str(tmp_path / "log.parquet"))
    result = recipe.run_here(*arguments, *(() if days is None else ("--user", "ann")))
    assert result.exit_code == 0, result.stdout
    assert asked[0]["days_since"] == [[-1.0, -1.0 if days is None else 2.0]]
    assert "must be in the test part" in recipe.run_here(*arguments, "--user", "bob").stdout


def test_a_log_without_arms_is_named(recipe, tmp_path):
    pd.DataFrame({"chosen": ["a"], "reward": [1.0]}).to_parquet(tmp_path / "log.parquet")
    result = recipe.run_here("tune", "--log", str(tmp_path / "log.parquet"))
    assert result.exit_code == 1
    assert "must have a column `eligible`" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("query", "--smoke"), "run `export` first"),
        (("export", "--smoke"), "run `train` first"),
        (("inspect", "--smoke"), "has no `inspect`"),
        (("train", "--log", "no-such.parquet"), "no-such.parquet"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(recipe, arguments, message):
    result = recipe.run_here(*arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.stdout.split())
