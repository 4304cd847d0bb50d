import pytest
import tensorflow as tf

from tfrs_ext.baselines import (
    BASELINES,
    Baseline,
    BaselineVariant,
    ItemToItemBaseline,
    PopularityBaseline,
    RandomBaseline,
    SuccessorBaseline,
    fit_baselines,
    make_baseline,
    register_baseline,
)

HISTORIES = tf.ragged.constant([[0, 1], [0, 1, 2], [3]])


def test_the_usual_baselines_are_fitted_to_the_histories():
    fitted = fit_baselines(HISTORIES, 4, seed=3)
    query = tf.constant([[0]])
    usual = {
        "successors": SuccessorBaseline,
        "item_to_item": ItemToItemBaseline,
        "popularity": PopularityBaseline,
    }
    for name, own in usual.items():
        tf.debugging.assert_equal(fitted[name](query), own(4).fit(HISTORIES)(query))
    assert fitted["random"].seed == 3
    assert list(fitted) == [*usual, "random"]
    assert "recent" in fit_baselines(HISTORIES, 4, times=HISTORIES)


def test_names_choose_among_all_that_are_registered():
    fitted = fit_baselines(HISTORIES, 4, names=["ease", "popularity_by_group"], groups=["a"] * 3)
    assert list(fitted) == ["ease", "popularity_by_group"]
    with pytest.raises(ValueError, match="`name` must be one of successors, item_to_item"):
        fit_baselines(HISTORIES, 4, names=["best"])


def test_a_seed_that_a_name_fixes_stays():
    register_baseline("seven", RandomBaseline, seed=7)
    try:
        fitted = fit_baselines(HISTORIES, 4, seed=3, names=["seven", "random"])
        assert [baseline.seed for baseline in fitted.values()] == [7, 3]
    finally:
        del BASELINES["seven"]


class Backwards(Baseline):
    """A baseline from outside: the last candidate first."""

    def _score(self, queries, groups):
        row = tf.range(self.num_candidates, dtype=tf.float32)
        return tf.tile(row[None], [queries.count, 1])


def test_a_baseline_of_ones_own_is_known_by_its_name():
    register_baseline("backwards", Backwards)
    try:
        assert isinstance(BASELINES["backwards"], BaselineVariant)
        found = make_baseline("backwards", 4).fit(HISTORIES).recommend(HISTORIES, 2)[1]
        assert found.tolist() == [[3, 2], [3, -1], [2, 1]]
    finally:
        del BASELINES["backwards"]


@pytest.mark.parametrize(("name", "model"), [("a b", Backwards), ("a", dict)])
def test_what_is_no_baseline_is_not_registered(name, model):
    with pytest.raises(ValueError, match="must be"):
        register_baseline(name, model)
    assert name not in BASELINES
