import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tests.oracles import frequencies as oracle
from tfrs_ext._keras import keras
from tfrs_ext.frequencies import StreamingFrequency
from tfrs_ext.ops.hashing import hash_buckets


def _zipf_batches(steps, rows, items=50, seed=0):
    rng = np.random.default_rng(seed)
    p = 1 / np.arange(1, items + 1)
    return rng.choice(items, (steps, rows), p=p / p.sum())


@pytest.mark.parametrize("data", [np.array([3, 4, 3]), np.array(["a", "b", "a"])])
def test_keras_contract(data, tmp_path):
    run_layer_test(
        lambda: StreamingFrequency(10, num_hashes=2, alpha=0.1), data, tmp_path, trains=False
    )


def test_by_hand():
    frequency = StreamingFrequency(64, alpha=0.5, initial_probability=0.1)
    frequency(tf.constant([1, 2]), training=True)
    np.testing.assert_allclose(tf.exp(frequency(tf.constant([1, 9]))), [1 / 10, 1 / 10], rtol=1e-6)
    log_q = frequency(tf.constant([1, 1, 3]), training=True)
    gap, occurrences = 0.5 * 10 + 0.5 * 3, 0.5 * 1 + 0.5 * 2
    np.testing.assert_allclose(tf.exp(log_q)[:2], [occurrences / gap] * 2, rtol=1e-6)


@pytest.mark.parametrize("num_hashes", [1, 3])
@pytest.mark.parametrize("as_id", [lambda x: x, lambda x: tf.strings.as_string(x)])
def test_equals_dictionaries(num_hashes, as_id):
    batches = _zipf_batches(20, 16)
    frequency = StreamingFrequency(30, num_hashes, alpha=0.2, initial_probability=0.02)
    traced = tf.function(lambda ids: frequency(ids, training=True))
    for batch in batches:
        traced(as_id(tf.constant(batch)))
    queries = np.arange(60)
    buckets = hash_buckets(as_id(tf.constant(queries)), 30, num_hashes).numpy()
    expected = oracle.streamed(
        batches, queries, alpha=0.2, initial_probability=0.02, buckets_of=lambda i: buckets[i]
    )
    np.testing.assert_allclose(frequency(as_id(tf.constant(queries))), expected, rtol=1e-4)


def test_finds_the_probability_of_one_draw_even_of_items_in_every_batch():
    frequency = StreamingFrequency(2000, alpha=0.02)
    traced = tf.function(lambda ids: frequency(ids, training=True))
    for batch in _zipf_batches(600, 64):
        traced(tf.constant(batch))
    p = 1 / np.arange(1, 51)
    ratio = np.exp(frequency(tf.range(50))) / (p / p.sum())
    assert abs(np.log(ratio[0])) < 0.1  # In every batch, several times: 1 / 64 would be 0.07.
    assert np.mean(np.abs(np.log(ratio))) < 0.15


@pytest.mark.parametrize("rows", [4, 40])
def test_is_independent_of_the_size_of_batches(rows):
    ids = _zipf_batches(1, 4000, items=8)[0]
    frequency = StreamingFrequency(500, alpha=0.05, initial_probability=0.1)
    update = tf.function(frequency.update)
    for batch in ids.reshape(-1, rows):
        update(tf.constant(batch))
    p = 1 / np.arange(1, 9)
    np.testing.assert_allclose(frequency(tf.range(8)), np.log(p / p.sum()), atol=0.4)


def test_starts_without_bias():
    mean_gap, rng = 20, np.random.default_rng(0)
    gaps = []
    for _ in range(100):
        frequency = StreamingFrequency(8, alpha=0.3, initial_probability=1 / mean_gap)
        for rows in rng.geometric(1 / mean_gap, 3):
            frequency.update(tf.constant([3] * (rows - 1) + [1]))
        gaps.append(np.exp(-frequency(tf.constant([1]))[0]))
    assert np.mean(gaps) == pytest.approx(mean_gap, rel=0.1)


def test_looks_up_without_counting_outside_training():
    frequency = StreamingFrequency(10)
    before = frequency(tf.constant([1, 2]))
    assert frequency.draws.numpy() == 0
    np.testing.assert_array_equal(before, frequency(tf.constant([1, 2]), training=False))


def test_several_hashes_undo_collisions():
    batches = _zipf_batches(300, 32, items=40)
    p = 1 / np.arange(1, 41)
    errors = []
    for num_hashes in (1, 4):
        frequency = StreamingFrequency(40, num_hashes, alpha=0.05)
        update = tf.function(frequency.update)
        for batch in batches:
            update(tf.constant(batch))
        errors.append(np.abs(np.exp(frequency(tf.range(40))) - p / p.sum()).mean())
    assert errors[1] < errors[0] / 1.5


def test_training_goes_on_where_a_saved_model_stopped(tmp_path):
    batches = [tf.constant(b) for b in _zipf_batches(6, 8)]

    def make():
        ids = keras.Input([], dtype=tf.int64)
        model = keras.Model(ids, StreamingFrequency(20, 2, alpha=0.3)(ids))
        model.compile()
        return model

    model = make()
    for batch in batches[:4]:
        model(batch, training=True)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    for batch in batches[4:]:
        expected, actual = model(batch, training=True), again(batch, training=True)
    np.testing.assert_array_equal(expected, actual)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_buckets": 0}, "`num_buckets` must be ≥ 1, received num_buckets=0"),
        ({"num_hashes": 0}, "`num_hashes` must be ≥ 1"),
        ({"alpha": 0.0}, r"`alpha` must be in \(0, 1\], received alpha=0.0"),
        ({"initial_probability": 2.0}, "`initial_probability` must be in"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        StreamingFrequency(**{"num_buckets": 10, **arguments})
