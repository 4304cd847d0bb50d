"""FactorizedTopK stands in for TFRS's, exactly, and embeds candidates once an evaluation."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tests.oracles import ranking
from tests.sweeps import mostly_slow
from tfrs_ext import evaluation, indexes, metrics, tasks
from tfrs_ext._keras import keras

RNG = np.random.default_rng(3)
CANDIDATES = RNG.normal(size=(40, 4)).astype(np.float32)
QUERIES = RNG.normal(size=(12, 4)).astype(np.float32)
ROWS = RNG.integers(0, 40, 12)
IDS = np.array([f"item {i}" for i in range(40)])
WEIGHT = RNG.uniform(size=12).astype(np.float32)
KS = [1, 5, 20]
_STREAMING = tfrs.layers.factorized_top_k.Streaming


def _dataset(with_ids=True):
    columns = (IDS, CANDIDATES) if with_ids else CANDIDATES
    return tf.data.Dataset.from_tensor_slices(columns).batch(16)


def _exact():
    return indexes.Exact().index(CANDIDATES, IDS)


def _dataset_of(ids, vectors):
    return tf.data.Dataset.from_tensor_slices((ids, vectors)).batch(2)


def _exact_of(ids, vectors):
    return indexes.Exact().index(vectors, ids)


def _brute_force():
    return tfrs.layers.factorized_top_k.BruteForce().index(
        tf.constant(CANDIDATES), tf.constant(IDS)
    )


def _streaming():
    return _streamed(_dataset())


def _streamed(dataset):
    return _STREAMING().index_from_dataset(dataset)


def _results(metric):
    return {m.name: float(m.result()) for m in metric.metrics}


class _Towers(tfrs.Model):
    """Embeds 6 users and 9 items, and evaluates over the items in batches of 4."""

    def __init__(self, metric, steps_between=lambda items: items, dropout=0.0):
        super().__init__()
        self.users = keras.layers.Embedding(6, 3)
        self.items = keras.Sequential([keras.layers.Embedding(9, 3), keras.layers.Dropout(dropout)])
        self.items.build([None])
        rows = tf.data.Dataset.range(9).batch(4).map(steps_between)
        candidates = rows.map(lambda row: (row, self.items(row)))
        self.task = tfrs.tasks.Retrieval(metrics=metric(candidates, ks=[1, 3, 8]))

    def compute_loss(self, inputs, training=False):
        users, items = self.users(inputs["user"]), self.items(inputs["item"], training=training)
        return self.task(users, items, candidate_ids=inputs["item"] if training else None)


def _pairs(batch_size=4):
    columns = {"user": np.arange(12) % 6, "item": np.arange(12) % 9}
    return tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)


@pytest.mark.slow
def test_tfrs_own_tests_of_the_metric_pass_with_ours_in_its_place():
    code = """
import tfrs_ext.metrics, unittest
from tensorflow_recommenders import metrics
metrics.FactorizedTopK = tfrs_ext.metrics.FactorizedTopK
from tensorflow_recommenders.metrics import factorized_top_k_test
result = unittest.main(factorized_top_k_test, exit=False).result
assert result.testsRun >= 9 and result.wasSuccessful()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.mark.slow
def test_tfrs_own_tests_of_the_task_pass_with_our_metric_also_in_a_session():
    code = """
import tfrs_ext.metrics, unittest
from tensorflow_recommenders import metrics
metrics.FactorizedTopK = tfrs_ext.metrics.FactorizedTopK
from tensorflow_recommenders.tasks import retrieval_test
result = unittest.main(retrieval_test, exit=False).result
assert result.testsRun >= 4 and result.wasSuccessful()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.mark.parametrize("make", [_dataset, _exact, _brute_force, _streaming])
@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("weight", [None, WEIGHT, WEIGHT[:, None]])
def test_results_equal_those_of_tfrs(make, by_id, weight):
    ids = IDS[ROWS] if by_id else None
    ours = metrics.FactorizedTopK(make(), ks=KS)
    theirs = tfrs.metrics.FactorizedTopK(_brute_force(), ks=KS)
    for metric in (ours, theirs):
        metric.update_state(QUERIES, CANDIDATES[ROWS], ids, weight)
    assert [m.name for m in ours.metrics] == [m.name for m in theirs.metrics]
    np.testing.assert_allclose(ours.result(), theirs.result(), rtol=1e-6)


@pytest.mark.parametrize("by_id", [True, False])
def test_batches_and_graphs_give_the_result_of_one_eager_batch(by_id):
    ids = IDS[ROWS] if by_id else None
    whole = metrics.FactorizedTopK(_dataset(), ks=KS)
    whole.update_state(QUERIES, CANDIDATES[ROWS], ids, WEIGHT)
    parts = metrics.FactorizedTopK(_dataset().unbatch().batch(7), ks=KS)

    @tf.function(reduce_retracing=True)
    def update(*batch):
        parts.update_state(*batch)

    for part in (slice(0, 5), slice(5, 6), slice(6, 12)):
        rows = ROWS[part]
        update(QUERIES[part], CANDIDATES[rows], None if ids is None else ids[part], WEIGHT[part])
    np.testing.assert_allclose(parts.result(), whole.result(), rtol=1e-6)


@pytest.mark.parametrize(
    ("ties", "expected"), [("pessimistic", 0), ("expected", 5 / 40), ("optimistic", 1)]
)
@pytest.mark.parametrize("by_id", [True, False])
def test_a_collapsed_item_tower_hits_by_chance_alone(ties, expected, by_id):
    collapsed = np.full((40, 4), 0.1, np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((IDS, collapsed)).batch(16)
    metric = metrics.FactorizedTopK(dataset, ks=[5], ties=ties)
    metric.update_state(QUERIES, collapsed[ROWS], IDS[ROWS] if by_id else None)
    np.testing.assert_allclose(metric.result(), [expected], rtol=1e-6)


@pytest.mark.parametrize("ties", ["pessimistic", "expected", "optimistic"])
@pytest.mark.parametrize("by_id", [True, False])
def test_ties_are_decided_alike_with_and_without_ids(ties, by_id):
    rng = np.random.default_rng(0)
    candidates = rng.integers(1, 4, (30, 2)).astype(np.float32)
    queries = rng.integers(1, 4, (8, 2)).astype(np.float32)
    rows = rng.integers(0, 30, 8)
    dataset = tf.data.Dataset.from_tensor_slices(candidates).batch(30)
    metric = metrics.FactorizedTopK(dataset, ks=[2, 6], ties=ties, metrics=["ndcg", "mrr"])
    metric.update_state(queries, candidates[rows], rows if by_id else None)
    scores = ranking.scores(queries, candidates)
    expected = []
    for name in ("hit_rate", "ndcg", "mrr"):
        for k in (2, 6):
            each = [
                ranking.metric(name, s, {r}, k, ties) for s, r in zip(scores, rows, strict=True)
            ]
            expected.append(np.mean(each))
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)


def test_a_positive_outside_the_corpus_competes_with_all_of_it():
    metric = metrics.FactorizedTopK(_dataset(with_ids=False), ks=[1, 41])
    metric.update_state(QUERIES, 100 * QUERIES)
    np.testing.assert_array_equal(metric.result(), [1, 1])
    metric.reset_states()
    metric.update_state(QUERIES, -100 * QUERIES)
    np.testing.assert_array_equal(metric.result(), [0, 1])
    assert _exact()(QUERIES, k=40)[0].numpy().max() < 100


def test_ids_are_matched_by_value_and_may_be_several_or_missing():
    metric = metrics.FactorizedTopK(_dataset(), ks=[3], metrics=["recall"])
    best = _exact()(QUERIES, k=5)[1].numpy()
    two = np.stack([best[:, 4], best[:, 1], best[:, 1]], axis=1)
    metric.update_state(QUERIES, CANDIDATES[:12], two)
    np.testing.assert_array_equal(metric.result(), [1, 0.5])
    metric.reset_states()
    metric.update_state(QUERIES, CANDIDATES[:12], np.array(["unknown"] * 12))
    np.testing.assert_array_equal(metric.result(), [0, 0])


RANDOM = np.random.default_rng(8)
MANY = [RANDOM.permutation(40)[: i % 4].tolist() for i in range(12)]
SEEN = [RANDOM.integers(0, 40, 3 * (i % 5)).tolist() for i in range(12)]


def _ragged_ids(rows):
    return tf.ragged.constant([IDS[row].tolist() for row in rows], tf.string, ragged_rank=1)


def _update(metric, graph, *arguments):
    def update(*columns):
        metric.update_state(*columns)  # Nothing is returned: in a graph, it is an operation.

    (tf.function(update) if graph else update)(*arguments)


@pytest.mark.parametrize(
    ("make", "ties", "graph"),
    mostly_slow(
        itertools.product(
            [_dataset, _exact, _brute_force], ["pessimistic", "expected"], [False, True]
        ),
        # Eager steps try all; a graph is traced once.
        lambda case: not case[2] or case == (_dataset, "expected", True),
    ),
)
def test_several_positives_and_seen_items_give_what_evaluate_retrieval_gives(make, ties, graph):
    names = ["recall", "precision", "ndcg", "map", "mrr"]
    metric = metrics.FactorizedTopK(make(), ks=[3, 9], ties=ties, metrics=[*names, "median_rank"])
    # Some queries have no positive: there, both leave them out or weigh them zero.
    weight = np.float32([bool(row) for row in MANY])
    doubled = [row + row[:1] for row in MANY]
    both = [seen + wanted for seen, wanted in zip(SEEN, MANY, strict=True)]
    _update(
        metric, graph, QUERIES, CANDIDATES[:12], _ragged_ids(doubled), weight, _ragged_ids(both)
    )
    expected = evaluation.evaluate_retrieval(QUERIES, CANDIDATES, MANY, SEEN, (3, 9), ties)
    found = _results(metric)
    for name in names:
        for k in (3, 9):
            value = found[f"factorized_top_k/{name}_at_{k}"]
            np.testing.assert_allclose(value, expected[f"{name}_at_{k}"], rtol=1e-6)
    np.testing.assert_allclose(found["factorized_top_k/median_rank"], expected["median_rank"])
    hits = found["factorized_top_k/top_3_categorical_accuracy"]
    np.testing.assert_allclose(hits, expected["hit_rate_at_3"], rtol=1e-6)


def test_seen_items_may_be_dense_with_padding_that_no_candidate_has():
    padded = np.full([12, 15], "", object)
    for row, items in enumerate(SEEN):
        padded[row, : len(items)] = IDS[items]
    values = []
    for seen in (padded.astype(str), _ragged_ids(SEEN)):
        metric = metrics.FactorizedTopK(_dataset(), ks=[40], metrics=["mrr"])
        metric.update_state(QUERIES, CANDIDATES[ROWS], IDS[ROWS], seen_ids=seen)
        values.append(metric.result())
    np.testing.assert_array_equal(*values)
    plain = metrics.FactorizedTopK(_dataset(), ks=[40], metrics=["mrr"])
    plain.update_state(QUERIES, CANDIDATES[ROWS], IDS[ROWS])
    assert values[0][1] > plain.result()[1]


def test_seen_items_need_ids_and_candidates_that_can_be_counted():
    metric = metrics.FactorizedTopK(_dataset(), ks=KS)
    with pytest.raises(ValueError, match="`seen_ids` need `true_candidate_ids`"):
        metric.update_state(QUERIES, CANDIDATES[ROWS], seen_ids=_ragged_ids(SEEN))


@pytest.mark.filterwarnings("ignore:`identifiers` should be unique")
@pytest.mark.parametrize("make", [_dataset_of, _exact_of])
@pytest.mark.parametrize("ties", ["pessimistic", "expected", "optimistic"])
def test_another_row_with_the_id_of_the_positive_is_no_rival(make, ties):
    ids = np.array([7, 8, 7, 9, 7])
    vectors = np.array([[2, 0], [3, 0], [2, 0], [1, 0], [4, 0]], np.float32)
    metric = metrics.FactorizedTopK(make(ids, vectors), ks=[1, 2], ties=ties, metrics=["mrr"])
    query = np.array([[1, 0]] * 2, np.float32)
    metric.update_state(query, vectors[:2], np.array([7, 9]))
    # Item 8 alone is above item 7; above item 9 are all four other rows.
    expected = [(0 + 0) / 2, (1 + 0) / 2, 0.0, (1 / 2 + 0) / 2]
    np.testing.assert_allclose(list(_results(metric).values()), expected)
    for each in metric.metrics:
        each.reset_state()
    metric.update_state(query, vectors[:2], np.array([7, 9]), seen_ids=np.array([[8, 7], [7, 8]]))
    np.testing.assert_allclose(list(_results(metric).values()), [1.0] * 4)


def test_no_query_needs_to_have_seen_anything():
    metric = metrics.FactorizedTopK(_dataset(), ks=KS)
    metric.update_state(QUERIES, CANDIDATES[ROWS], IDS[ROWS], seen_ids=_ragged_ids([[]] * 12))
    expected = metrics.FactorizedTopK(_dataset(), ks=KS)
    expected.update_state(QUERIES, CANDIDATES[ROWS], IDS[ROWS])
    np.testing.assert_array_equal(metric.result(), expected.result())


@pytest.mark.parametrize("by_id", [True, False])
def test_the_median_rank_is_exact_over_batches_and_weights(by_id):
    metric = metrics.FactorizedTopK(_dataset(), ks=[1], metrics=["median_rank"])
    for part in (slice(0, 5), slice(5, 12)):
        ids = IDS[ROWS[part]] if by_id else None
        metric.update_state(QUERIES[part], CANDIDATES[ROWS[part]], ids)
    ranks = evaluation.evaluate_retrieval(QUERIES, CANDIDATES, ROWS).per_query["rank"]
    assert _results(metric)["factorized_top_k/median_rank"] == np.median(ranks)
    metric.reset_states()
    assert _results(metric)["factorized_top_k/median_rank"] == 0
    weight = np.arange(12)
    metric.update_state(QUERIES, CANDIDATES[ROWS], IDS[ROWS], weight)
    expected = np.median(np.repeat(ranks, weight))
    assert _results(metric)["factorized_top_k/median_rank"] == expected


def test_the_median_rank_is_precise_beyond_ten_thousand_and_infinite_where_half_is_missed():
    candidates = np.linspace(1, 0, 60_000, dtype=np.float32)[:, None]
    dataset = tf.data.Dataset.from_tensor_slices(candidates).batch(60_000)
    metric = metrics.FactorizedTopK(dataset, ks=[1], metrics=["median_rank"])
    metric.update_state(np.ones([1, 1]), candidates[[41_234]], [41_234])
    median = _results(metric)["factorized_top_k/median_rank"]
    np.testing.assert_allclose(median, 41_235, rtol=1e-3)
    metric.update_state(np.ones([2, 1]), candidates[[0, 0]], [-1, -1])
    assert _results(metric)["factorized_top_k/median_rank"] == np.inf


def test_candidates_without_ids_are_known_by_position():
    metric = metrics.FactorizedTopK(_dataset(with_ids=False), ks=KS)
    metric.update_state(QUERIES, CANDIDATES[:12], ROWS.astype(np.int32))
    expected = metrics.FactorizedTopK(_dataset(), ks=KS)
    expected.update_state(QUERIES, CANDIDATES[:12], IDS[ROWS])
    np.testing.assert_array_equal(metric.result(), expected.result())


def test_extra_negatives_of_a_task_are_no_queries():
    metric = metrics.FactorizedTopK(_dataset(), ks=KS)
    metric.update_state(QUERIES, CANDIDATES[np.append(ROWS, [1, 2])], IDS[np.append(ROWS, [1, 2])])
    expected = metrics.FactorizedTopK(_dataset(), ks=KS)
    expected.update_state(QUERIES, CANDIDATES[ROWS], IDS[ROWS])
    np.testing.assert_array_equal(metric.result(), expected.result())


def test_an_approximate_index_is_asked_for_its_best():
    layer = tfrs.layers.factorized_top_k.ScaNN
    index = layer(num_leaves=4, num_leaves_to_search=1, k=20).index(CANDIDATES, tf.constant(IDS))
    metric = metrics.FactorizedTopK(index, ks=KS)
    metric.update_state(QUERIES, CANDIDATES[ROWS], IDS[ROWS])
    scores, retrieved = (part.numpy() for part in index(QUERIES, k=20))
    real = ~np.isnan(scores)
    assert not real.all()  # It pads with the first item, which must not count.
    hits = (retrieved == IDS[ROWS].astype(bytes)[:, None]) & real
    np.testing.assert_allclose(metric.result(), [hits[:, :k].any(1).mean() for k in KS])
    with pytest.raises(ValueError, match="`true_candidate_ids` must be given where"):
        metric.update_state(QUERIES, CANDIDATES[ROWS])


def test_an_exact_index_with_a_query_model_is_asked_too():
    index = tfrs.layers.factorized_top_k.BruteForce(keras.layers.Lambda(lambda q: -q))
    index.index(tf.constant(CANDIDATES))
    for ids in (None, ROWS):
        metric = metrics.FactorizedTopK(index, ks=[20])
        metric.update_state(-QUERIES, -CANDIDATES[ROWS], ids)
        expected = metrics.FactorizedTopK(_dataset(with_ids=False), ks=[20])
        expected.update_state(QUERIES, CANDIDATES[ROWS], ids)
        if ids is not None:
            np.testing.assert_array_equal(metric.result(), expected.result())


@pytest.mark.parametrize(
    "layer", [indexes.Exact, tfrs.layers.factorized_top_k.BruteForce, _STREAMING]
)
def test_an_index_with_a_score_of_its_own_is_asked_for_its_best(layer):
    class Nearest(layer):
        def _compute_score(self, queries, candidates):
            return -tf.norm(queries[:, tf.newaxis] - candidates[tf.newaxis], axis=-1)

    index = Nearest(k=20)
    if layer is _STREAMING:
        index.index_from_dataset(_dataset())
    else:
        index.index(tf.constant(CANDIDATES), tf.constant(IDS))
    metric = metrics.FactorizedTopK(index, ks=[1, 5])
    metric.update_state(QUERIES, CANDIDATES[ROWS], IDS[ROWS])
    distances = np.linalg.norm(QUERIES[:, None] - CANDIDATES, axis=-1)
    above = (distances < np.take_along_axis(distances, ROWS[:, None], 1)).sum(1)
    np.testing.assert_allclose(metric.result(), [np.mean(above < k) for k in (1, 5)])
    with pytest.raises(ValueError, match="ranks by another score than the dot product"):
        metric.update_state(QUERIES, CANDIDATES[ROWS])


def test_training_sees_the_weights_from_before_each_step():
    class Checked(_Towers):
        def __init__(self):
            super().__init__(metrics.FactorizedTopK)
            self.direct = keras.metrics.Mean("direct")

        def compute_loss(self, inputs, training=False):
            scores = tf.matmul(
                self.users(inputs["user"]), self.items(tf.range(9)), transpose_b=True
            )
            self.direct.update_state(tf.math.in_top_k(inputs["item"], scores, 3))
            return super().compute_loss(inputs, training)

    model = Checked()
    model.compile(keras.optimizers.Adagrad(2.0))
    history = model.fit(_pairs(), epochs=4, verbose=0).history
    found = history["factorized_top_k/top_3_categorical_accuracy"]
    np.testing.assert_allclose(found, history["direct"])
    assert len(set(found)) > 1


def test_evaluation_of_a_trained_model_equals_that_of_tfrs():
    ours, theirs = (_Towers(m.FactorizedTopK) for m in (metrics, tfrs.metrics))
    for model in (ours, theirs):
        model.users.build([None])
        model.compile("sgd", run_eagerly=model is theirs)  # Ours in a graph, as users evaluate.
    ours.fit(_pairs(), verbose=0)
    _copy_weights(ours, theirs)
    results = [model.evaluate(_pairs(), return_dict=True, verbose=0) for model in (ours, theirs)]
    assert results[0] == pytest.approx(results[1])


def _copy_weights(source, target):
    for ours, theirs in zip(source.trainable_variables, target.trainable_variables, strict=True):
        theirs.assign(ours.numpy())


def _counting(counter):
    def count(rows):
        counter.assign_add(1)
        return rows

    return count


def test_candidates_are_embedded_once_an_evaluation_and_again_when_weights_change():
    batches = tf.Variable(0)
    model = _Towers(metrics.FactorizedTopK, _counting(batches))
    model.compile(keras.optimizers.SGD(0.5))
    model.evaluate(_pairs(batch_size=1), verbose=0)
    assert batches.numpy() == 3  # Nine items in batches of 4, for twelve updates.
    model.evaluate(_pairs(batch_size=1), verbose=0)
    assert batches.numpy() == 6
    model.fit(_pairs(batch_size=3), verbose=0)
    assert batches.numpy() == 6 + 4 * 3


def test_opposite_changes_of_weights_are_noticed():
    weights = tf.Variable([[1.0], [2.0], [4.0]])
    dataset = tf.data.Dataset.range(3).batch(3).map(lambda rows: tf.gather(weights, rows))
    metric = metrics.FactorizedTopK(dataset, ks=[1])
    metric.update_state([[1.0]], [[4.0]], [2])
    weights.assign([[1.0], [4.0], [2.0]])
    metric.update_state([[1.0]], [[4.0]], [1])
    weights.assign([[8.0], [4.0], [2.0]])
    metric.update_state([[1.0]], [[8.0]], [0])
    assert metric.result() == [1.0]


def test_a_dataset_that_calls_python_is_read_each_time():
    table = CANDIDATES.copy()

    def embed(rows):
        return tf.ensure_shape(tf.numpy_function(lambda r: table[r], [rows], tf.float32), [None, 4])

    metric = metrics.FactorizedTopK(tf.data.Dataset.range(40).batch(9).map(embed), ks=[1])
    best = np.argmax(QUERIES[:1] @ CANDIDATES.T)
    metric.update_state(QUERIES[:1], CANDIDATES[:1], [best])
    table[best] *= -1
    metric.update_state(QUERIES[:1], CANDIDATES[:1], [best])
    assert metric.result() == [0.5]


def test_the_embeddings_are_not_saved_with_the_model():
    model = _Towers(metrics.FactorizedTopK)
    model.compile("sgd")
    model.evaluate(_pairs(), verbose=0)
    shapes = [tuple(weight.shape) for weight in model.task.weights]
    assert shapes == [()] * len(shapes)


def _ours_over_theirs(candidates, ks):
    return metrics.FactorizedTopK(_streamed(candidates), ks=ks)


_THEIRS = tfrs.metrics.FactorizedTopK


@pytest.mark.parametrize("metric", [metrics.FactorizedTopK, _ours_over_theirs, _THEIRS])
def test_a_model_is_saved_as_a_folder_without_the_candidates(tmp_path, metric):
    class Scored(_Towers):
        def __init__(self):
            super().__init__(metric)
            self.task = tasks.Retrieval(metrics=self.task.factorized_metrics)

        def call(self, inputs):
            return self.users(inputs["user"])

    model = Scored()
    if metric is _THEIRS:
        assert [w.shape for w in model.weights] == [w.shape for w in _Towers(metric).weights]
    model.compile("sgd")
    model.evaluate(_pairs(), verbose=0)
    expected = model({"user": tf.range(3)})
    model.save(tmp_path / "folder")
    loaded = tf.saved_model.load(str(tmp_path / "folder"))
    np.testing.assert_array_equal(loaded({"user": tf.range(3)}, training=False), expected)


def test_replicas_evaluate_as_one_device_does(two_replicas):
    single = _Towers(metrics.FactorizedTopK)
    single.compile("sgd")
    expected = single.evaluate(_pairs(), return_dict=True, verbose=0)
    with two_replicas.scope():
        mirrored = _Towers(metrics.FactorizedTopK)
        mirrored.users.build([None])
        mirrored.compile("sgd")
    _copy_weights(single, mirrored)
    results = mirrored.evaluate(_pairs(), return_dict=True, verbose=0)
    for k in (1, 3, 8):
        name = f"factorized_top_k/top_{k}_categorical_accuracy"
        np.testing.assert_allclose(results[name], expected[name])


def test_half_precision_embeddings_are_compared_in_float32():
    half = (
        tf.data.Dataset.from_tensor_slices(CANDIDATES)
        .batch(40)
        .map(lambda batch: tf.cast(batch, tf.float16))
    )
    metric = metrics.FactorizedTopK(half, ks=KS)
    rounded = CANDIDATES.astype(np.float16)
    metric.update_state(QUERIES.astype(np.float16), rounded[ROWS])
    scores = ranking.scores(QUERIES.astype(np.float16), rounded)
    ranks = (scores > scores[np.arange(12), ROWS][:, None]).sum(1)
    np.testing.assert_allclose(metric.result(), [np.mean(ranks < k) for k in KS])


def test_configuration_leaves_the_candidates_out():
    metric = metrics.FactorizedTopK(_dataset(), ks=(2,), name="a", ties="expected", metrics=["map"])
    clone = metrics.FactorizedTopK.from_config(metric.get_config())
    assert clone.get_config() == metric.get_config()
    assert [m.name for m in clone.metrics] == ["a/top_2_categorical_accuracy", "a/map_at_2"]
    with pytest.raises(ValueError, match="`candidates` must be given before"):
        clone.update_state(QUERIES, QUERIES)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"`metrics` must be among .*, received \['auc'\]"):
        metrics.FactorizedTopK(_dataset(), metrics=["auc"])
    with pytest.raises(ValueError, match=r"`candidates` must yield batches.*use `.batch"):
        metrics.FactorizedTopK(tf.data.Dataset.from_tensor_slices(CANDIDATES))
    metric = metrics.FactorizedTopK(_dataset())
    with pytest.raises(ValueError, match="must be of the candidates' type, string, received int64"):
        metric.update_state(QUERIES, QUERIES, ROWS)
