import numpy as np
import pytest
import tensorflow as tf

from tests.negatives import tower
from tests.negatives.ask import ask, draw
from tests.oracles import sampling as oracle
from tfrs_ext import frequencies, negatives

ITEMS = np.arange(tower.ITEMS)
COUNTS = 1 + ITEMS % 9


def _sources():
    return [
        negatives.InBatch(frequencies.CountedFrequency(ITEMS, COUNTS)),
        negatives.Uniform(ITEMS, 7, seed=1),
        negatives.Popularity(ITEMS, COUNTS, 4, power=2, seed=2),
    ]


def _ask(source, ids):
    return _draw(source, ids).negatives


def _draw(source, ids):
    variable = tower.table()
    return draw(source, tower.positives(ids, variable), candidate_model=tower.tower_of(variable))


def test_pool_is_all_rows_with_the_density_of_the_mixture():
    mixed = negatives.Mixed(_sources())
    pool = _ask(mixed, [3, 3, 9])
    assert pool.ids.shape == (3 + 7 + 4,)
    np.testing.assert_array_equal(pool.ids[:3], [3, 3, 9])
    sums = [COUNTS / COUNTS.sum(), np.full(50, 1 / 50), COUNTS**2 / (COUNTS**2).sum()]
    expected = oracle.mixture_log_q([3, 7, 4], [np.log(q)[pool.ids] for q in sums])
    np.testing.assert_allclose(pool.log_q, expected, rtol=1e-5)


def test_mns_by_hand():
    frequency = frequencies.CountedFrequency([1, 2, 3, 4], [5, 3, 1, 1])
    mixed = negatives.Mixed([negatives.InBatch(frequency), negatives.Uniform([1, 2, 3, 4], 6)])
    pool = _ask(mixed, [1, 2])
    q = {1: 0.5, 2: 0.3, 3: 0.1, 4: 0.1}
    expected = [np.log((2 * q[i] + 6 / 4) / (2 + 6)) for i in pool.ids.numpy()]
    np.testing.assert_allclose(pool.log_q, expected, rtol=1e-5)
    np.testing.assert_allclose(
        _draw(mixed, [1, 2]).density(tf.constant([3])), [np.log((2 * 0.1 + 6 / 4) / 8)], rtol=1e-5
    )


def test_rows_fit_the_mixture_over_batches_drawn_from_the_data():
    rng = np.random.default_rng(0)
    mixed = negatives.Mixed(_sources())
    variable = tower.table()
    draw_ids = tf.function(
        lambda p: ask(mixed, p, candidate_model=tower.tower_of(variable), training=True).ids
    )
    batches = rng.choice(ITEMS, (400, 12), p=COUNTS / COUNTS.sum())
    draws = np.concatenate([draw_ids(tower.positives(batch, variable)) for batch in batches])
    stated = np.exp(_draw(mixed, [1] * 12).density(tf.constant(ITEMS)))
    assert oracle.chi_square_is_plausible(draws, stated)


def test_the_weights_follow_the_latest_pool():
    mixed = negatives.Mixed(_sources()[:2])
    frequent = int(COUNTS.argmax())
    densities = []
    for size in (1, 49):
        density = _draw(mixed, [1] * size).density
        densities.append(np.exp(density(tf.constant([frequent]))[0]))
    q = COUNTS.max() / COUNTS.sum()
    expected = [(size * q + 7 / 50) / (size + 7) for size in (1, 49)]
    np.testing.assert_allclose(densities, expected, rtol=1e-5)


def test_mixtures_of_mixtures_are_mixtures():
    flat = negatives.Mixed(_sources())
    one, two, three = _sources()
    nested = negatives.Mixed([one, negatives.Mixed([two, three])])
    for a, b in zip(_ask(flat, [4, 5]), _ask(nested, [4, 5]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_the_callers_log_q_stays_where_no_source_knows_more():
    mixed = negatives.Mixed([negatives.InBatch(), negatives.MemoryQueue(4, 4)])
    positives = tower.positives([1, 2], log_q=[-2.0, -3.0])
    pool = draw(mixed, positives)
    np.testing.assert_allclose(pool.negatives.log_q, [-2, -3, -2, -3], rtol=1e-6)
    np.testing.assert_allclose(pool.positives.log_q, [-2, -3], rtol=1e-6)


def test_rejects_what_knows_no_density_beside_what_draws():
    sources = [negatives.Uniform(ITEMS, 2), negatives.MemoryQueue(4, 4)]
    with pytest.raises(
        ValueError, match=r"`sources` must all know .* MemoryQueue at 1 .*frequency"
    ):
        _draw(negatives.Mixed(sources), [1])


def test_rejects_nothing():
    with pytest.raises(ValueError, match="`sources` must hold at least one source"):
        negatives.Mixed([])
