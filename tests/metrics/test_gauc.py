import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import run_metric_test
from tests.oracles import gauc as oracle
from tfrs_ext.metrics import GAUC

LABELS = [1, 0, 1, 1, 0, 1, 0, 0, 1]
SCORES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.9, 0.8, 0.7, 0.6]
USERS = [1] * 5 + [2] * 4
# Far enough apart for a bin each.
LEVELS = np.linspace(0.05, 0.95, 9)


def data(seed, size=40, users=6):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, 2, size),
        rng.choice(LEVELS, size),
        rng.integers(-3, users - 3, size),
        rng.integers(0, 4, size).astype(np.float32),
    )


def test_behaves_as_a_keras_metric():
    batches = [data(seed) for seed in range(3)]
    run_metric_test(lambda: GAUC(20, 50), batches)
    run_metric_test(lambda: GAUC(20, average="users"), [batch[:3] for batch in batches])


@pytest.mark.parametrize(
    ("average", "expected"), [("users", 0.5833333), ("impressions", 0.5925926)]
)
@pytest.mark.parametrize("users", [USERS, ["ann"] * 5 + ["bob"] * 4])
def test_matches_the_published_example(average, expected, users):
    metric = GAUC(10, average=average)
    metric.update_state(LABELS, SCORES, users)
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 60),
    users=st.integers(1, 9),
    average=st.sampled_from(["impressions", "clicks", "users"]),
    weighted=st.booleans(),
)
def test_equals_the_pairs(seed, size, users, average, weighted):
    labels, scores, ids, weights = data(seed, size, users)
    weights = weights if weighted else None
    metric = GAUC(10, average=average)
    half = size // 2
    for part in (slice(half), slice(half, size)):
        metric.update_state(
            labels[part], scores[part], ids[part], weights[part] if weighted else None
        )
    expected, single = oracle.gauc(labels, scores, ids, weights, average)
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)
    assert metric.single_class_users() == single
    assert metric.dropped_rows() == 0


@pytest.mark.parametrize("thresholds", [10, 40, 500])
def test_continuous_scores_are_off_by_at_most_what_is_documented(thresholds):
    rng = np.random.default_rng(0)
    logits = rng.normal(-2, 1, 300)
    labels = rng.random(300) < 1 / (1 + np.exp(-logits))
    metric = GAUC(1, thresholds, from_logits=True)
    metric.update_state(labels, logits, np.zeros(300, np.int64))
    bins = np.floor((logits + 10) / 20 * thresholds)
    tied = np.mean(bins[labels][:, None] == bins[~labels])
    expected, _ = oracle.gauc(labels, logits, np.zeros(300))
    assert abs(metric.result() - expected) <= tied / 2 + 1e-6
    probabilities = GAUC(1, thresholds)
    probabilities.update_state(labels, 1 / (1 + np.exp(-logits)), np.zeros(300, np.int64))
    np.testing.assert_allclose(probabilities.result(), metric.result(), atol=1e-4)


def test_users_of_one_class_are_left_out_and_counted():
    metric = GAUC(10)
    metric.update_state([1, 0, 1, 1, 0], [0.9, 0.1, 0.1, 0.2, 0.3], [1, 1, 2, 2, 3])
    assert metric.result() == 1.0
    assert metric.single_class_users() == 2


def test_ties_count_one_half():
    metric = GAUC(10)
    metric.update_state([1, 0], [0.5, 0.5], [1, 1])
    assert metric.result() == 0.5


def test_further_users_are_dropped_and_counted():
    metric = GAUC(num_users=2)
    metric.update_state([1, 0, 1], [0.9, 0.1, 0.5], [7, 7, 8])
    metric.update_state([1, 0, 0], [0.1, 0.9, 0.1], [9, 9, 8])
    assert metric.result() == 1.0
    assert metric.dropped_rows() == 2


def test_certain_predictions_and_columns_are_taken():
    metric = GAUC(10)
    metric.update_state([[1.0], [0.0]], [[1.0], [0.0]], [[5], [5]])
    assert metric.result() == 1.0


def test_nothing_gives_zero():
    metric = GAUC(10)
    assert metric.result() == 0
    metric.update_state([], [], np.zeros(0, np.int64))
    assert metric.result() == 0


@pytest.mark.parametrize("num_users", [4, 20])
def test_replicas_give_what_one_device_gives(two_replicas, num_users):
    # Users have rows on both replicas, whose shares of a batch of 15 differ.
    labels, scores, users, _ = data(3, size=60, users=6)
    rows = (labels, scores.astype(np.float32), np.char.mod("u%d", users))
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(15)
    alone = GAUC(num_users)
    for batch in batches:
        alone.update_state(*batch)
    # No collectives: strategies of one process would confuse theirs.
    with two_replicas.scope():
        spread = GAUC(num_users)

    @tf.function
    def step(batch):
        two_replicas.run(lambda part: spread.update_state(*part), args=(batch,))

    for batch in two_replicas.experimental_distribute_dataset(batches):
        step(batch)
    assert spread.result() == alone.result()
    assert spread.dropped_rows() == alone.dropped_rows()
    assert spread.single_class_users() == alone.single_class_users()


def test_rejects_bad_input():
    with pytest.raises(ValueError, match="`num_users` must be at least 1"):
        GAUC(0)
    with pytest.raises(ValueError, match="`average` must be one of"):
        GAUC(average="median")
    with pytest.raises(tf.errors.InvalidArgumentError, match="`y_true` must be in"):
        GAUC(2).update_state([2], [0.5], [1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="`y_pred` must be in"):
        GAUC(2).update_state([1], [1.5], [1])


def test_says_so_where_keras_hands_it_no_users():
    with pytest.raises(ValueError, match=r"`user_ids` must say .*`callbacks\.UserAUC"):
        GAUC(10).update_state([1, 0], [0.5, 0.5], sample_weight=None)
