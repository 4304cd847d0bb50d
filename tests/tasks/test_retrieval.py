"""tasks.Retrieval stands in for TFRS's, and wires what TFRS hasn't."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tests.sweeps import mostly_slow
from tfrs_ext import frequencies, layers, losses, negatives, tasks
from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates

RNG = np.random.default_rng(3)
QUERIES = RNG.normal(size=(5, 4)).astype(np.float32)
CANDIDATES = RNG.normal(size=(7, 4)).astype(np.float32)
IDS = np.array([3, 1, 3, 2, 5, 1, 8])
PROBABILITY = np.array([0.3, 0.2, 0.3, 0.05, 0.02, 0.2, 0.01], np.float32)
WEIGHT = np.array([1.0, 0.5, 2.0, 0.0, 1.0], np.float32)


class Fixed(negatives.Source):
    """A source as users write it: one method."""

    def __init__(self, ids, log_q=None):
        super().__init__()
        self.ids, self.log_q = tf.constant(ids, tf.int64), log_q

    def draw(self, batch):
        embeddings = tf.constant(np.random.default_rng(8).normal(size=(len(self.ids), 4)))
        items = Candidates(tf.cast(embeddings, tf.float32), self.ids, self.log_q)
        return negatives.Pool(batch.positives, items)


def gradients(task, **arguments):
    queries, candidates = tf.Variable(QUERIES), tf.Variable(CANDIDATES)
    with tf.GradientTape() as tape:
        loss = task(queries, candidates, **arguments)
    return [loss, *tape.gradient(loss, [queries, candidates])]


@pytest.mark.slow
def test_tfrs_own_tests_pass_with_our_task_in_its_place():
    code = """
import tfrs_ext.tasks, tensorflow as tf
from tensorflow_recommenders.tasks import retrieval, retrieval_test
retrieval.Retrieval = tfrs_ext.tasks.Retrieval
import unittest
result = unittest.main(retrieval_test, exit=False).result
assert result.testsRun >= 4 and result.wasSuccessful()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, {}),
        ({"temperature": 0.2}, {"sample_weight": WEIGHT}),
        ({"remove_accidental_hits": True}, {"candidate_ids": IDS}),
        ({"temperature": 0.5}, {"candidate_sampling_probability": PROBABILITY}),
        ({"num_hard_negatives": 2}, {"candidate_sampling_probability": PROBABILITY}),
        ({}, {"score_mask": RNG.random((5, 7)) < 0.7}),
        ({"loss": keras.losses.CategoricalCrossentropy(from_logits=True)}, {}),
    ],
)
def test_values_and_gradients_equal_those_of_tfrs(options, arguments):
    if "score_mask" in arguments:
        mask = arguments["score_mask"] | np.eye(5, 7, dtype=bool)
        arguments = {"score_mask": tf.constant(mask)}
    ours = gradients(tasks.Retrieval(**options), **arguments)
    theirs = gradients(tfrs.tasks.Retrieval(**options), **arguments)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-4, atol=1e-5)


def test_batch_metrics_do_not_change_the_loss():
    metric = keras.metrics.TopKCategoricalAccuracy(k=2)
    task = tasks.Retrieval(batch_metrics=[metric], temperature=0.3)
    np.testing.assert_allclose(
        task(QUERIES, CANDIDATES), tasks.Retrieval(temperature=0.3)(QUERIES, CANDIDATES), rtol=1e-5
    )
    scores = QUERIES @ CANDIDATES.T
    expected = np.mean([i in np.argsort(-row)[:2] for i, row in enumerate(scores)])
    np.testing.assert_allclose(metric.result(), expected)


def test_corrected_logq_equals_its_definition_through_the_task():
    task = tasks.Retrieval(
        loss=losses.CorrectedSampledSoftmax(), temperature=0.5, remove_accidental_hits=True
    )
    loss = task(QUERIES, CANDIDATES, candidate_sampling_probability=PROBABILITY, candidate_ids=IDS)
    scores = (QUERIES.astype(np.float64) @ CANDIDATES.T) / 0.5
    rows = []
    for i in range(5):
        valid = IDS[i] != IDS
        q = PROBABILITY[valid].astype(np.float64) / (1 - PROBABILITY[i])
        shifted = np.exp(scores[i, valid] - np.log(valid.sum() * q))
        rows.append(np.log1p(shifted.sum() / np.exp(scores[i, i])))
    np.testing.assert_allclose(loss, np.mean(rows), rtol=1e-5)


def test_corrected_logq_asks_for_probabilities_by_name():
    task = tasks.Retrieval(loss=losses.CorrectedSampledSoftmax())
    with pytest.raises(ValueError, match=r"`log_q` must be known .*`candidate_sampling_prob"):
        task(QUERIES, CANDIDATES, candidate_ids=IDS)


def test_extra_negatives_go_with_ids_and_corpus_metrics():
    corpus = tf.data.Dataset.from_tensor_slices((IDS[:5].astype(str), CANDIDATES[:5])).batch(2)
    metric = tfrs.metrics.FactorizedTopK(corpus, ks=[5])
    task = tasks.Retrieval(metrics=metric)
    task(QUERIES, CANDIDATES, candidate_ids=IDS.astype(str))
    assert metric.result()[0].numpy() == 1.0


def test_one_metric_can_be_assigned():
    metric = tfrs.metrics.FactorizedTopK(tf.data.Dataset.from_tensor_slices(CANDIDATES).batch(3))
    task = tasks.Retrieval()
    task.factorized_metrics = metric
    assert list(task.factorized_metrics) == [metric]


def test_masks_are_exact_in_half_precision():
    task = tasks.Retrieval(remove_accidental_hits=True)
    halves = [tf.cast(x, tf.float16) for x in (QUERIES, CANDIDATES)]
    expected = task(QUERIES, CANDIDATES, candidate_ids=IDS)
    np.testing.assert_allclose(task(*halves, candidate_ids=IDS), expected, rtol=1e-2)


def test_small_probabilities_are_not_clipped():
    tiny = PROBABILITY * 1e-7
    shifted = tasks.Retrieval()(QUERIES, CANDIDATES, candidate_sampling_probability=tiny)
    expected = tasks.Retrieval()(QUERIES, CANDIDATES, candidate_sampling_probability=PROBABILITY)
    np.testing.assert_allclose(shifted, expected, rtol=1e-5)


def test_configuration_survives_json():
    task = tasks.Retrieval(
        loss=losses.CorrectedSampledSoftmax(), temperature=0.1, remove_accidental_hits=True
    )
    again = tasks.Retrieval.from_config(task.get_config())
    arguments = {"candidate_sampling_probability": PROBABILITY, "candidate_ids": IDS}
    np.testing.assert_array_equal(
        task(QUERIES, CANDIDATES, **arguments), again(QUERIES, CANDIDATES, **arguments)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "`temperature` must be positive, received 0.0"),
        ({"temperature": float("nan")}, "`temperature` must be positive, received nan"),
    ],
)
def test_bad_arguments_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        tasks.Retrieval(**options)


def test_accidental_hits_and_sources_need_ids():
    for options in ({"remove_accidental_hits": True}, {"negatives": negatives.InBatch()}):
        with pytest.raises(ValueError, match="`candidate_ids` must be given"):
            tasks.Retrieval(**options)(QUERIES, CANDIDATES)


def test_fewer_candidates_than_queries_are_refused():
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="positives"):
        tasks.Retrieval()(QUERIES, CANDIDATES[:3])


def test_the_loss_is_a_scalar_under_tf_function_with_unknown_shapes():
    task = tasks.Retrieval(remove_accidental_hits=True)
    spec = tf.TensorSpec([None, None], tf.float32)
    call = tf.function(
        lambda q, c, i: task(q, c, candidate_ids=i),
        input_signature=[spec, spec, tf.TensorSpec([None], tf.int64)],
    )
    loss = call(QUERIES, CANDIDATES, IDS)
    assert loss.shape == ()
    np.testing.assert_allclose(loss, task(QUERIES, CANDIDATES, candidate_ids=IDS), rtol=1e-5)


def test_training_moves_sources_and_schedules_on_and_evaluation_does_not():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.1)
    temperature = layers.Temperature(schedule)
    queue = negatives.MemoryQueue(capacity=8, embedding_dim=4, source=negatives.InBatch())
    task = tasks.Retrieval(
        temperature=temperature,
        negatives=queue,
        batch_metrics=[keras.metrics.TopKCategoricalAccuracy(k=1)],
    )
    ids = tf.constant(IDS[:5], tf.int64)
    steps, entered = [], []
    for training in (False, True, True, False):
        task(QUERIES, CANDIDATES[:5], candidate_ids=ids, training=training)
        steps.append(float(1 / temperature()))
        entered.append(int(queue.entered))
    np.testing.assert_allclose(np.diff(steps), [-0.09, -0.09, 0.0], atol=1e-6)
    assert entered == [0, 5, 10, 10]


def test_drawn_negatives_join_the_batch_under_their_own_probability():
    table = keras.layers.Embedding(10, 4)
    source = negatives.Mixed(
        [
            negatives.InBatch(frequencies.CountedFrequency(np.arange(10), np.full(10, 3))),
            negatives.Uniform(negatives.Catalogue(np.arange(10)), num_negatives=6, seed=1),
        ]
    )
    task = tasks.Retrieval(loss=losses.CorrectedSampledSoftmax(), negatives=source)
    ids = tf.constant(IDS[:5], tf.int64)
    loss = task(QUERIES, table(ids), candidate_ids=ids, candidate_model=table, training=True)
    assert np.isfinite(loss.numpy())


@pytest.mark.parametrize(
    "loss",
    [
        losses.SampledSoftmax(),
        losses.SampledSoftmax("logq"),
        losses.CorrectedSampledSoftmax(),
        losses.BPR(),
    ],
    ids=["none", "logq", "corrected", "bpr"],
)
def test_a_loss_is_the_same_with_and_without_the_matrix_of_scores(loss):
    arguments = {"candidate_sampling_probability": PROBABILITY, "candidate_ids": IDS}
    task = tasks.Retrieval(loss=loss, temperature=0.5, remove_accidental_hits=True)
    expected = task(QUERIES, CANDIDATES, **arguments)
    # One vector a query, given as several, goes by the matrix; so does keeping all negatives.
    by_vectors = task(QUERIES[:, np.newaxis], CANDIDATES, **arguments)
    np.testing.assert_allclose(by_vectors, expected, rtol=1e-5)
    hard = tasks.Retrieval(
        loss=loss, temperature=0.5, remove_accidental_hits=True, num_hard_negatives=6
    )
    np.testing.assert_allclose(hard(QUERIES, CANDIDATES, **arguments), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"remove_accidental_hits": True},
        {},
        {"num_hard_negatives": 2},
        {"loss": losses.BPR()},
        {"loss": keras.losses.CategoricalCrossentropy(from_logits=True)},
    ],
)
def test_known_positives_are_no_negatives_of_their_query(options):
    known = np.array([[2, -1], [8, 5], [-1, -1], [1, 2], [5, 3]])
    mask = np.array([[item not in row for item in IDS] for row in known])
    ours = gradients(tasks.Retrieval(**options), candidate_ids=IDS, known_positives=known)
    masked = gradients(tasks.Retrieval(**options), candidate_ids=IDS, score_mask=tf.constant(mask))
    for value, expected in zip(ours, masked, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-6)
    without = tasks.Retrieval(**options)(QUERIES, CANDIDATES, candidate_ids=IDS)
    assert abs(ours[0] - without) > 1e-3


def test_known_positives_are_left_out_of_drawn_negatives_too():
    known = np.array([[20, 22]] * 5)
    task = tasks.Retrieval(loss=losses.SampledSoftmax(), negatives=Fixed([20, 21, 22]))
    only = np.array([[False, True, False]] * 5)
    arguments = {"candidate_ids": IDS[:5]}
    np.testing.assert_allclose(
        task(QUERIES, CANDIDATES[:5], known_positives=known, **arguments),
        task(QUERIES, CANDIDATES[:5], score_mask=tf.constant(only), **arguments),
        rtol=1e-6,
    )


def test_known_positives_need_ids():
    with pytest.raises(ValueError, match="`candidate_ids` must be given"):
        tasks.Retrieval()(QUERIES, CANDIDATES, known_positives=np.array([[1]] * 5))


KERAS = keras.losses.CategoricalCrossentropy(from_logits=True)


def _rows(scores, positive, valid):
    """The softmax's loss of each row by NumPy in float64."""
    return [
        np.log(np.exp(p) + np.exp(row[keep]).sum()) - p
        for row, p, keep in zip(scores, positive, valid, strict=True)
    ]


def _row_softmax(query, ids, removes):
    source = Fixed([3, 8, 1])
    items = source.draw(negatives.Batch(QUERIES, Candidates(CANDIDATES[:5], IDS[:5]))).negatives
    scores = query.astype(np.float64) @ items.embeddings.numpy().T
    scores = scores.max(axis=1) if scores.ndim == 3 else scores
    positive = (query.reshape(5, -1, 4) @ CANDIDATES[:5, :, None])[..., 0].max(axis=1)
    valid = ids[:5, None] != np.array([3, 8, 1]) if removes else np.ones((5, 3), bool)
    return np.array(_rows(scores, positive, valid))


@pytest.mark.parametrize("removes", [True, False, None])
@pytest.mark.parametrize("vectors", [1, 3])
@pytest.mark.parametrize("loss", [KERAS, losses.SampledSoftmax()], ids=["keras", "ours"])
def test_a_source_is_asked_whatever_the_loss_and_the_queries_are(loss, vectors, removes):
    queries = RNG.normal(size=(5, vectors, 4)).astype(np.float32)
    queries = queries[:, 0] if vectors == 1 else queries
    task = tasks.Retrieval(loss, negatives=Fixed([3, 8, 1]), remove_accidental_hits=removes)
    expected = _row_softmax(queries, IDS, removes is not False).mean()
    actual = task(queries, CANDIDATES[:5], candidate_ids=IDS[:5])
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


@pytest.mark.parametrize("loss", [KERAS, losses.SampledSoftmax()], ids=["keras", "ours"])
def test_in_batch_negatives_are_what_a_task_takes_by_itself(loss):
    for removes in (True, False):
        options = {"loss": loss, "temperature": 0.5, "remove_accidental_hits": removes}
        given = tasks.Retrieval(**options, negatives=negatives.InBatch())
        arguments = {"candidate_ids": IDS, "candidate_sampling_probability": PROBABILITY}
        np.testing.assert_allclose(
            given(QUERIES, CANDIDATES, **arguments),
            tasks.Retrieval(**options)(QUERIES, CANDIDATES, **arguments),
            rtol=1e-6,
        )


@pytest.mark.parametrize(
    "make", [negatives.InBatch, lambda: negatives.Hard(7), lambda: negatives.MemoryQueue(9, 4)]
)
def test_a_querys_own_row_is_no_negative_even_where_hits_stay(make):
    task = tasks.Retrieval(negatives=make(), remove_accidental_hits=False)
    loss = task(QUERIES, CANDIDATES[:5], candidate_ids=np.arange(5))
    np.testing.assert_allclose(loss, tasks.Retrieval()(QUERIES, CANDIDATES[:5]), rtol=1e-5)


@pytest.mark.parametrize(
    "loss", [losses.SampledSoftmax("logq"), losses.FullProductSoftmax(correction="logq")]
)
@pytest.mark.parametrize("source", [None, negatives.InBatch(), Fixed([4, 5])])
def test_a_correction_without_probabilities_is_refused(loss, source):
    task = tasks.Retrieval(loss, negatives=source)
    with pytest.raises(ValueError, match=r"`log_q` must be known .*`candidate_sampling_prob"):
        task(QUERIES, CANDIDATES[:5], candidate_ids=IDS[:5])


@pytest.mark.parametrize("loss", [None, KERAS, losses.BPR()], ids=["default", "keras", "bpr"])
@pytest.mark.parametrize("value", [0.0, -0.1, 1.5, np.nan])
def test_what_is_no_probability_is_refused_by_name(loss, value):
    probability = np.where(np.arange(7) == 2, value, PROBABILITY)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`candidate_sampling_probability`"):
        tasks.Retrieval(loss)(QUERIES, CANDIDATES, candidate_sampling_probability=probability)


def test_corrected_logq_leaves_accidental_hits_out_by_itself():
    arguments = {"candidate_sampling_probability": PROBABILITY, "candidate_ids": IDS}
    task = tasks.Retrieval(losses.CorrectedSampledSoftmax())
    removing = tasks.Retrieval(losses.CorrectedSampledSoftmax(), remove_accidental_hits=True)
    expected = removing(QUERIES, CANDIDATES, **arguments)
    np.testing.assert_array_equal(task(QUERIES, CANDIDATES, **arguments), expected)
    del arguments["candidate_ids"]
    with pytest.raises(ValueError, match="`candidate_ids` must be given where accidental hits"):
        task(QUERIES, CANDIDATES, **arguments)


@pytest.mark.parametrize("vectors", [1, 2])
def test_corrected_logq_counts_the_draws_that_a_mask_leaves_out(vectors):
    # A pool in proportion to Q: 4 of item 0, 3 of item 1, 2 of item 2, 1 of item 3.
    drawn = np.repeat([0, 1, 2, 3], [4, 3, 2, 1])
    log_q = tf.constant(np.log([0.4, 0.3, 0.2, 0.1]), tf.float32)
    frequency = frequencies.CountedFrequency(np.arange(4), [4, 3, 2, 1])
    task = tasks.Retrieval(
        losses.CorrectedSampledSoftmax(), negatives=Fixed(drawn, tf.gather(log_q, drawn))
    )
    queries = tf.zeros([1, 4] if vectors == 1 else [1, vectors, 4])
    for known, expected in (([-1], 4), ([0], 3), ([1], 3), ([0, 2], 2)):
        loss = task(
            queries,
            tf.zeros([1, 4]),
            candidate_ids=[3],
            candidate_sampling_probability=tf.exp(frequency(tf.constant([3]))),
            known_positives=[known],
        )
        np.testing.assert_allclose(loss, np.log(expected), rtol=1e-5)


def test_hard_negatives_are_those_of_the_loss_at_its_temperature():
    rng = np.random.default_rng(0)
    unit = lambda n: tf.math.l2_normalize(rng.normal(size=(n, 8)).astype(np.float32), axis=1)  # noqa: E731
    queries, items, ids = unit(64), unit(64), tf.range(64)
    probability = (np.arange(1, 65) ** -1.2 / 10).astype(np.float32)
    kept = []

    class Spy(negatives.Hard):
        def draw(self, batch):
            pool = super().draw(batch)
            kept.append(set(pool.negatives.ids.numpy()))
            return pool

    task = tasks.Retrieval(losses.SampledSoftmax("logq"), temperature=0.05, negatives=Spy(2))
    task(queries, items, candidate_ids=ids, candidate_sampling_probability=probability)
    logits = queries.numpy() @ items.numpy().T / 0.05 - np.log(probability)
    np.fill_diagonal(logits, -np.inf)
    assert kept[0] == set(np.argsort(-logits, axis=1)[:, :2].ravel())


def test_known_positives_are_not_the_hardest_negatives():
    queries, items = tf.constant([[1.0]]), tf.constant([[1.0], [9.0], [5.0], [4.0]])
    batch = negatives.Batch(
        queries, Candidates(items, tf.constant([1, 2, 3, 4])), known_positives=tf.constant([[2]])
    )
    assert negatives.Hard(1).draw(batch).negatives.ids.numpy().tolist() == [3]


@pytest.mark.parametrize("loss", [losses.SampledSoftmax, losses.BPR, KERAS.__class__])
def test_reduction_none_gives_a_loss_for_each_row(loss):
    options = {"from_logits": True} if loss is KERAS.__class__ else {}
    rows = tasks.Retrieval(loss(reduction="none", **options))(QUERIES, CANDIDATES)
    assert rows.shape == (5,)
    mean = tasks.Retrieval(loss(**options))(QUERIES, CANDIDATES)
    np.testing.assert_allclose(np.mean(rows), mean, rtol=1e-5)


@pytest.mark.parametrize(
    "temperature", [np.float32(0.5), tf.constant(0.5), tf.Variable(0.5), np.array(0.5)]
)
def test_a_temperature_is_any_number(temperature):
    task = tasks.Retrieval(temperature=temperature)
    expected = tasks.Retrieval(temperature=0.5)(QUERIES, CANDIDATES)
    np.testing.assert_allclose(task(QUERIES, CANDIDATES), expected, rtol=1e-6)
    assert task.get_config()["temperature"] == 0.5


@pytest.mark.parametrize("kind", [np.uint32, np.uint8, np.float32, np.int16, list, str])
def test_ids_are_of_any_kind_and_embeddings_may_be_lists(kind):
    ids = IDS.tolist() if kind is list else IDS.astype(kind)
    task = tasks.Retrieval(remove_accidental_hits=True)
    expected = task(QUERIES, CANDIDATES, candidate_ids=IDS)
    actual = task(QUERIES.tolist(), CANDIDATES.tolist(), candidate_ids=ids)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_rounds_nothing_that_a_tower_gives(policy):
    expected = gradients(tasks.Retrieval(temperature=0.01))
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        actual = gradients(tasks.Retrieval(temperature=0.01))
    finally:
        keras.mixed_precision.set_global_policy(before)
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_replica_without_rows_loses_nothing():
    arguments = {"candidate_ids": tf.zeros([0], tf.int64)}
    empty = tf.zeros([0, 4])
    for loss in (None, losses.BPR(), losses.InfoNCE(symmetric=True)):
        task = tasks.Retrieval(loss, remove_accidental_hits=True)
        with tf.GradientTape() as tape:
            tape.watch(empty)
            value = task(empty, empty, **arguments)
        assert float(value) == 0.0
        assert tape.gradient(value, empty).shape == (0, 4)


def _shares(strategy, task, queries, items, ids):
    """What each of two replicas makes of its half of the rows."""

    def halves(values):
        size = len(values) // 2
        return strategy.experimental_distribute_values_from_function(
            lambda context: values[size * context.replica_id_in_sync_group :][:size]
        )

    @tf.function
    def run(queries, items, ids):
        return strategy.run(lambda q, c, i: task(q, c, candidate_ids=i), args=(queries, items, ids))

    shares = run(halves(queries), halves(items), halves(ids))
    return [float(share) for share in strategy.experimental_local_results(shares)]


@pytest.mark.parametrize("removes", mostly_slow([True, False], [True]))
@pytest.mark.parametrize("loss", [losses.InfoNCE(symmetric=True), losses.FullProductSoftmax()])
def test_symmetric_losses_over_all_replicas_are_those_of_one_large_batch(
    two_replicas, loss, removes
):
    queries, items = RNG.normal(size=(2, 8, 4)).astype(np.float32)
    ids = np.array([1, 2, 3, 4, 5, 1, 7, 8])
    options = {"temperature": 0.5, "remove_accidental_hits": removes}
    shares = _shares(
        two_replicas,
        tasks.Retrieval(loss, negatives=negatives.CrossReplica(), **options),
        *(queries, items, ids),
    )
    expected = tasks.Retrieval(loss, **options)(queries, items, candidate_ids=ids)
    np.testing.assert_allclose(sum(shares), expected, rtol=1e-5)


def test_replicas_pay_their_share_of_the_mean_of_a_loss_from_elsewhere(two_replicas):
    queries, items = RNG.normal(size=(2, 8, 4)).astype(np.float32)
    shares = _shares(two_replicas, tasks.Retrieval(KERAS), queries, items, np.arange(8))
    expected = [
        np.mean(_rows(scores, np.diag(scores), ~np.eye(4, dtype=bool)))
        for scores in (queries[:4] @ items[:4].T, queries[4:] @ items[4:].T)
    ]
    np.testing.assert_allclose(shares, np.divide(expected, 2), rtol=1e-5)


def _remember(batch):
    source = negatives.MemoryQueue(9, 4)
    task = tasks.Retrieval(negatives=source, remove_accidental_hits=False)
    task(QUERIES, CANDIDATES[2:], candidate_ids=np.arange(5), training=True)
    return source, np.concatenate([batch, CANDIDATES[2:]])


def _mix(batch):
    fixed = Fixed([0, 1, 2])
    ours = fixed.draw(negatives.Batch(QUERIES, Candidates(batch, np.arange(5)))).negatives
    return negatives.Mixed([fixed, negatives.InBatch()]), np.concatenate([ours.embeddings, batch])


def _mine(batch):
    scores = QUERIES @ batch.T
    kept = np.unique(np.argmax(np.where(np.eye(5), -np.inf, scores), axis=1))
    assert len(kept) < 5
    return negatives.Hard(1), batch[kept]


def _repeat(batch):
    class Positives(negatives.Source):
        def draw(self, batch):
            return negatives.Pool(batch.positives, batch.positives)  # Nobody's, it says.

    return Positives(), batch


@pytest.mark.parametrize("make", [_remember, _mix, _mine, _repeat])
def test_only_its_own_row_is_no_negative_of_a_query_where_hits_stay(make):
    batch = CANDIDATES[:5]
    source, rows = make(batch)
    task = tasks.Retrieval(negatives=source, remove_accidental_hits=False)
    loss = task(QUERIES, batch, candidate_ids=np.arange(5))
    valid = (rows[None] != batch[:, None]).any(axis=2)
    if make is _repeat:
        valid[:] = True
    if make is _remember:  # The same vectors come from an earlier step, as others' rows.
        valid[:, 5:] = True
    scores = QUERIES.astype(np.float64) @ rows.T
    positive = np.sum(QUERIES.astype(np.float64) * batch, axis=1)
    np.testing.assert_allclose(loss, sum(_rows(scores, positive, valid)), rtol=1e-5)


def test_metrics_that_a_call_leaves_alone_are_idle():
    accuracy = keras.metrics.TopKCategoricalAccuracy(k=2)
    corpus = tfrs.metrics.FactorizedTopK(tf.data.Dataset.from_tensors(CANDIDATES), ks=[1])
    task = tasks.Retrieval(metrics=corpus, batch_metrics=[accuracy])
    task(QUERIES, CANDIDATES)
    assert task.idle_metrics == []
    task(QUERIES, CANDIDATES, compute_batch_metrics=False)
    assert task.idle_metrics == [accuracy]
    task(QUERIES, CANDIDATES, compute_metrics=False)
    assert task.idle_metrics == corpus.metrics
    several = np.stack([QUERIES, -QUERIES], axis=1)  # No index searches with several vectors.
    task(several, CANDIDATES)
    assert task.idle_metrics == corpus.metrics


@pytest.mark.parametrize("loss", [losses.SampledSoftmax(), KERAS], ids=["ours", "keras"])
def test_weights_may_be_a_column(loss):
    task = tasks.Retrieval(loss)
    expected = task(QUERIES, CANDIDATES, sample_weight=WEIGHT)
    actual = task(QUERIES, CANDIDATES, sample_weight=WEIGHT[:, np.newaxis])
    np.testing.assert_array_equal(actual, expected)


def test_known_positives_of_another_type_are_refused_by_name():
    for source in (None, negatives.Hard(1)):
        task = tasks.Retrieval(negatives=source)
        with pytest.raises(ValueError, match=r"`known_positives` must be integers, .*dtype=string"):
            task(QUERIES, CANDIDATES, candidate_ids=IDS, known_positives=np.array([["3"]] * 5))
