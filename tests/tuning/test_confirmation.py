"""The final choice over several seeds."""

import json
import math

import pytest

from tests.tuning.simulated import Simulated, Weightless
from tfrs_ext import tuning
from tfrs_ext._keras import keras
from tfrs_ext.tuning import final_choice

OBJECTIVE = tuning.Objective("val_ndcg_at_10", "max")
SETTINGS = [{"height": 0.3, "kind": 1}, {"height": 0.5, "kind": 1}]


class Noisy(tuning.HyperModel):
    """Scores that are known: the height, and noise that is the seed's."""

    def __init__(self, noise):
        super().__init__()
        self.noise, self.trained = noise, []

    def build(self, hp):
        hp.Float("height", 0, 1, default=0.1)
        return Weightless()

    def fit(self, hp, model, callbacks=(), verbose=0):
        self.trained.append(hp.values["height"])
        noise = self.noise[len(self.trained) - 1]
        return {OBJECTIVE.name: hp.values["height"] + noise}


def silent(line):
    pass


def test_intervals_are_students_and_differences_are_paired():
    # Seed by seed: settings 0.3 and 0.5, whose differences are 0.2, 0.2 and 0.5.
    noise = [0.0, 0.0, 0.3, 0.3, 0.0, 0.3]
    result = tuning.confirm(Noisy(noise), SETTINGS, objective=OBJECTIVE, print_fn=silent)
    assert isinstance(result, tuning.Confirmation)
    assert result.best == SETTINGS[1]
    first, second = result.settings
    assert first["scores"] == pytest.approx([0.5, 0.8, 0.8])
    assert second["scores"] == pytest.approx([0.3, 0.6, 0.3])
    t = 4.302652729911275  # Student's 97.5% with 2 degrees of freedom.
    half = t * math.sqrt(0.03) / math.sqrt(3)
    assert first["interval"] == pytest.approx((0.7, 0.7 - half, 0.7 + half))
    assert first["behind"] is None
    assert second["behind"] == pytest.approx((0.3, 0.3 - half, 0.3 + half))
    assert json.loads(json.dumps(result.get_config()))["settings"][0]["values"] == SETTINGS[1]
    assert result.table().splitlines()[2].startswith("0.7000 [0.2697, 1.1303] |  | height=0.5")


def test_the_smallest_is_best_where_the_direction_says_so():
    objective = tuning.Objective(OBJECTIVE.name, "min")
    result = tuning.confirm(
        Noisy([0.0] * 4),
        SETTINGS,
        objective=objective,
        seeds=(1, 2),
        callbacks=None,
        print_fn=silent,
    )
    assert result.best == SETTINGS[0]


def test_what_was_trained_is_not_trained_again(tmp_path):
    path, settings = tmp_path / "scores.json", SETTINGS[:1]
    for seeds, trained in (((1, 2), 2), ((1, 2), 0), ((1, 2, 3), 1)):
        hypermodel = Noisy([0.0] * 3)
        tuning.confirm(
            hypermodel, settings, objective=OBJECTIVE, seeds=seeds, path=path, print_fn=silent
        )
        assert len(hypermodel.trained) == trained


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"objective": tuning.Objective("val_auc", "max")},
            "its objective was val_ndcg_at_10",
        ),
        ({"objective": tuning.Objective(OBJECTIVE.name, "min")}, "and is val_ndcg_at_10, min"),
        ({"epochs": 3}, "its number of epochs was 2 and is 3"),
        ({"data_version": "Tuesday"}, "its data have changed"),
    ],
)
def test_scores_of_another_comparison_are_refused(tmp_path, changes, reason):
    path = tmp_path / "scores.json"
    usual = {"objective": OBJECTIVE, "epochs": 2, "path": path, "print_fn": silent}
    first = tuning.confirm(Simulated(), SETTINGS, seeds=(1, 2), **usual)
    assert tuning.confirm(Simulated(), SETTINGS, seeds=(1, 2), **usual).best == first.best
    with pytest.raises(ValueError, match=f"{reason}.*Name another file, or delete"):
        tuning.confirm(Simulated(), SETTINGS, seeds=(1, 2), **{**usual, **changes})


def test_the_best_epoch_of_a_history_counts_as_in_the_search():
    result = tuning.confirm(
        Simulated(lambda values, epoch: values["height"] * [1, 3, 2, 1][epoch]),
        SETTINGS,
        objective=OBJECTIVE,
        print_fn=silent,
    )
    assert [entry["interval"].mean for entry in result.settings] == pytest.approx([1.5, 0.9])


def test_each_training_has_its_seed_and_callbacks_of_its_own(monkeypatch):
    seeds, callbacks = [], []
    monkeypatch.setattr(final_choice.keras.utils, "set_random_seed", seeds.append)

    class Recorded(Noisy):
        def fit(self, hp, model, callbacks=(), verbose=0):
            for callback in callbacks:
                callback.count = getattr(callback, "count", 0) + 1
                seen.append(callback.count)
            return super().fit(hp, model)

    seen = []
    callbacks = [keras.callbacks.Callback()]
    tuning.confirm(
        Recorded([0.0] * 4),
        SETTINGS,
        objective=OBJECTIVE,
        seeds=(8, 9),
        callbacks=callbacks,
        print_fn=silent,
    )
    assert seeds == [8, 8, 9, 9]
    assert seen == [1] * 4


def test_scores_that_are_broken_are_named(tmp_path):
    (tmp_path / "scores.json").write_text("[{")
    with pytest.raises(ValueError, match=r"scores\.json must be a JSON file"):
        tuning.confirm(Simulated(), SETTINGS, objective=OBJECTIVE, path=tmp_path / "scores.json")


@pytest.mark.parametrize("seeds", [(), (1,), (1, 1)])
def test_one_seed_is_no_confirmation(seeds):
    with pytest.raises(ValueError, match="`seeds` must be at least two different ones, received"):
        tuning.confirm(Noisy([]), SETTINGS, objective=OBJECTIVE, seeds=seeds)
    with pytest.raises(ValueError, match="`settings` must hold at least one"):
        tuning.confirm(Noisy([]), [], objective=OBJECTIVE)


def test_a_score_that_is_not_finite_is_an_error():
    with pytest.raises(tuning.SearchError, match="must be finite, received nan"):
        tuning.confirm(Noisy([math.nan]), SETTINGS, objective=OBJECTIVE, print_fn=silent)
