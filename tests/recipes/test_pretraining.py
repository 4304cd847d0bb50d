"""The recipe of pre-training and fine-tuning, as a user runs it."""

import json

import numpy as np
import pytest
import tensorflow as tf

from recipes import pretraining
from tests.recipes.processes import Recipe, shown_rows
from tfrs_ext import serving


@pytest.fixture
def recipe(tmp_path):
    return Recipe(pretraining, tmp_path)


@pytest.mark.slow
def test_both_stages_are_trained_exported_and_asked(recipe):
    chosen = ("--smoke", "--epochs", "3", "--loss", "pairwise")
    slowed = ("--rate", "candidate_model=0", "--rate", "query_model=0.5")
    for step in ("train", "export"):
        result = recipe.run_here(step, *chosen, *slowed)
        assert result.exit_code == 0, result.output
    metrics = json.loads((recipe.runs / "metrics.json").read_text())
    assert {"model", "pre-training alone", "popularity"} <= set(metrics)
    gauc = {name: found["auc within users"] for name, found in metrics.items()}
    assert gauc["planted truth"] > gauc["model"] > gauc["popularity"] > 0.5
    assert gauc["model"] != gauc["pre-training alone"]

    # What was frozen is as stage one left it, and what wasn't has moved.
    stages = [
        tf.keras.models.load_model(folder / "model.keras", compile=False)
        for folder in (recipe.runs / "pretraining", recipe.runs)
    ]
    for side, is_same in (("candidate_model", True), ("query_model", False)):
        one, other = (getattr(stage, side).get_weights() for stage in stages)
        assert all(map(np.array_equal, one, other)) == is_same

    trained = json.loads((recipe.runs / "trained.json").read_text())
    assert trained["rates"] == {"candidate_model": 0.0, "query_model": 0.5}
    page = (recipe.runs / "report.html").read_text()
    assert "Pre-training and fine-tuning by pairwise, two_tower" in page
    assert serving.list_versions(recipe.base) == [1]
    card = (recipe.base / "1" / "assets.extra" / "model_card.md").read_text()
    assert "pre-training alone" in card
    answer = recipe.run_here("query", *chosen, "--user", "17", "-k", "3")
    assert len(shown_rows(answer)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("query", "--user", "1"), "run `export` first"),
        (("export", "--smoke"), "run `train` first"),
        (("train", "--smoke", "--loss", "pairwize"), "did you mean 'pairwise'?"),
        (("train", "--smoke", "--model", "sasrec"), "`model` must be one of two_tower, "),
        (("train", "--smoke", "--rate", "query_model"), "`--rate` must be NAME=NUMBER, such as"),
        (
            ("train", "--smoke", "--rate", "user=0"),
            "`rate` doesn't fit: `factors` must name",
        ),
        (("tune", "--smoke", "--rate", "query_model=-1"), "`factors` must be finite"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(recipe, arguments, message):
    result = recipe.run_here(*arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.stdout.split())
    assert not (recipe.runs / "pretraining").exists()
