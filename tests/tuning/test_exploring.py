"""Looking for hyper-parameters builds no model, and finds those that building one reads."""

import pytest

from tfrs_ext import models, tuning
from tfrs_ext.features import Categorical

USER, ITEM = Categorical("user", (1, 2)), Categorical("item", (7, 8))
COUNTS = ([7, 8], [3, 1])


class Building(tuning.RetrievalHyperModel):
    """Overrides `build`, as users may, so that it is called while keras-tuner looks around."""

    def build(self, hp):
        return super().build(hp)


def _space(hypermodel, folder):
    goal = hypermodel.objective
    tuner = tuning.RandomSearch(hypermodel, goal, max_trials=1, directory=folder)
    return tuner.oracle.get_space().get_config()["space"]


def _no_model(*arguments, **options):
    pytest.fail("a model was built")


@pytest.mark.parametrize(
    "hypermodel",
    [
        tuning.RetrievalHyperModel([USER], [ITEM], COUNTS),
        tuning.RankingHyperModel([USER, ITEM], "item", "user", "dcn"),
    ],
)
def test_what_is_declared_is_what_building_reads(hypermodel):
    declared, read = tuning.HyperParameters(), tuning.HyperParameters()
    hypermodel.declare_space(declared)
    hypermodel.build(read)
    assert declared.get_config()["space"] == read.get_config()["space"]


def test_a_tuner_builds_no_model_before_its_first_trial(monkeypatch, tmp_path):
    monkeypatch.setattr(models.TwoTower, "from_features", _no_model)
    assert _space(tuning.RetrievalHyperModel([USER], [ITEM], COUNTS), tmp_path)


@pytest.mark.slow
def test_a_build_of_the_users_is_asked_and_the_space_is_the_same(tmp_path):
    ours = _space(tuning.RetrievalHyperModel([USER], [ITEM], COUNTS), tmp_path / "ours")
    assert _space(Building([USER], [ITEM], COUNTS), tmp_path / "theirs") == ours
