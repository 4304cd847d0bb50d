"""The samplers, held to the Q that they state."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.negatives import tower
from tests.negatives.ask import ask
from tests.oracles import sampling as oracle
from tfrs_ext import negatives
from tfrs_ext._keras import keras


def _draws(source, calls, ids=(1,), dtype=tf.int64):
    items = int(source.catalogue.ids.shape[0])
    embed = tower.tower_of(tower.table(2, items))
    positives = tower.positives(ids, tower.table(2, items), dtype=dtype)
    once = tf.function(lambda: ask(source, positives, candidate_model=embed, training=True).ids)
    return np.concatenate([once().numpy() for _ in range(calls)])


def _stated(source):
    return np.exp(source.log_q(source.catalogue.ids).numpy())


COUNTS = np.random.default_rng(0).zipf(1.2, 300).clip(max=10_000) - 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: negatives.Uniform(np.arange(300), 1000, seed=3),
        lambda: negatives.Popularity(np.arange(300), COUNTS, 1000, seed=3),
        lambda: negatives.Popularity(np.arange(300), COUNTS, 1000, power=0.5, seed=3),
        lambda: negatives.Popularity(np.arange(300), COUNTS, 1000, power=0, seed=3),
    ],
    ids=["uniform", "popularity", "square root", "power 0"],
)
def test_draws_fit_the_stated_q(make):
    source = make()
    draws = _draws(source, 60)
    assert oracle.chi_square_is_plausible(draws, _stated(source))
    other = np.roll(_stated(source), 1) * np.linspace(0.9, 1.1, 300)
    assert not oracle.chi_square_is_plausible(draws, other / other.sum())


def test_draws_of_one_row_a_step_fit_too():
    source = negatives.Popularity(np.arange(6), [5, 1, 3, 1, 1, 1], 1, seed=0)
    assert oracle.chi_square_is_plausible(_draws(source, 2000), _stated(source))


def test_popularity_states_the_power_of_counts():
    source = negatives.Popularity([7, 8, 9], [16, 4, 0], 2, power=0.5, unseen_count=0.25)
    np.testing.assert_allclose(
        _stated_of(source, [7, 8, 9]), np.array([4, 2, 0.5]) / 6.5, rtol=1e-6
    )


def _stated_of(source, ids):
    return np.exp(source.log_q(tf.constant(ids)))


def test_ids_outside_the_catalogue_count_as_the_rarest():
    popularity = negatives.Popularity([7, 8], [3, 1], 2)
    np.testing.assert_allclose(_stated_of(popularity, [5, 8, 7]), [0.25, 0.25, 0.75], rtol=1e-6)
    uniform = negatives.Uniform([7, 8], 2)
    np.testing.assert_allclose(_stated_of(uniform, [5, 8]), [0.5, 0.5], rtol=1e-6)


def test_the_last_of_a_million_items_is_drawn():
    # A cumulative sum in float32 would stop growing after the first item.
    counts = np.ones(2**20)
    counts[0] = 2**26
    source = negatives.Popularity(np.arange(2**20), counts, 200_000, seed=0)
    positions = source.sample(tf.constant([0, 1], tf.int64)).numpy()
    tail = positions[positions > 0]
    assert len(tail) / 200_000 == pytest.approx(2**20 / (2**26 + 2**20), rel=0.1)
    assert np.percentile(tail, [25, 75]) == pytest.approx([2**18, 3 * 2**18], rel=0.1)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=30),
    st.floats(0, 3),
    st.integers(1, 9),
)
def test_popularity_sums_to_one_and_draws_from_the_catalogue(counts, power, rows):
    source = negatives.Popularity(np.arange(len(counts)), counts, rows, power)
    assert _stated(source).sum() == pytest.approx(1, abs=1e-5)
    assert set(source.sample(tf.constant([1, 1])).numpy()) <= set(range(len(counts)))


def test_popularity_follows_ids_not_positions():
    source = negatives.Popularity(["b", "a", "c"], [6, 3, 1], 3)
    ids = tf.constant(["c", "b", "a"])
    np.testing.assert_allclose(tf.exp(source.log_q(ids)), [0.1, 0.6, 0.3], rtol=1e-6)


def test_seeds_repeat_and_differ():
    def draws(seed):
        return _draws(negatives.Uniform(np.arange(1000), 50, seed=seed), 2)

    np.testing.assert_array_equal(draws(1), draws(1))
    assert (draws(1) != draws(2)).any()
    assert (draws(1)[:50] != draws(1)[50:]).any()


def test_without_a_seed_the_global_one_decides():
    draws = []
    for seed in (5, 5, 6):
        keras.utils.set_random_seed(seed)
        draws.append(_draws(negatives.Uniform(np.arange(1000), 50), 1))
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


def test_two_samplers_without_seeds_draw_apart():
    one, other = (_draws(negatives.Uniform(np.arange(1000), 50), 1) for _ in range(2))
    assert (one != other).any()


def test_a_call_that_says_nothing_of_training_draws_anew():
    source = negatives.Uniform(np.arange(1000), 50, seed=1)
    embed = tower.tower_of(tower.table(4, 1000))
    one, other = (ask(source, tower.positives([1]), candidate_model=embed).ids for _ in range(2))
    assert (one.numpy() != other.numpy()).any()


def test_gradients_reach_the_tower():
    variable = tower.table()
    source = negatives.Uniform(np.arange(tower.ITEMS), 20, seed=1)
    with tf.GradientTape() as tape:
        pool = ask(source, tower.positives([1]), candidate_model=tower.tower_of(variable))
        loss = tf.reduce_sum(pool.embeddings)
    gradient = tf.convert_to_tensor(tape.gradient(loss, variable))
    expected = np.bincount(pool.ids, minlength=tower.ITEMS)[:, None] * np.ones((1, 4))
    np.testing.assert_allclose(gradient, expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: negatives.Uniform([1], 0), "`num_negatives` must be ≥ 1, received"),
        (lambda: negatives.Uniform([], 1), "`items` must be one axis of at least one id"),
        (lambda: negatives.Popularity([1], [2], 1, power=-1), "`power` must be ≥ 0, received"),
        (lambda: negatives.Popularity([1], [2, 3], 1), "`counts` must have one value per id"),
        (lambda: negatives.Popularity([1, 2], [2, -3], 1), "`counts` must be finite and ≥ 0"),
        (lambda: negatives.Popularity([1], [2], 1, unseen_count=0), "`unseen_count` must be > 0"),
    ],
)
def test_rejects(make, message):
    with pytest.raises(ValueError, match=message):
        make()
