"""What holds for every source: configuration, graph, types, state in files, errors."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.negatives import tower
from tests.negatives.ask import ask, draw
from tfrs_ext import frequencies, negatives
from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates

ITEMS = np.arange(tower.ITEMS)
COUNTS = ITEMS[::-1] % 7


def _frequency():
    return frequencies.CountedFrequency(ITEMS, COUNTS + 1)


def _index():
    def search(queries, k):
        return tf.math.top_k(tf.matmul(queries, tower.table(), transpose_b=True), k)

    return search


MAKE = {
    "in batch": lambda: negatives.InBatch(),
    "in batch, counted": lambda: negatives.InBatch(_frequency()),
    "uniform": lambda: negatives.Uniform(ITEMS, 5, seed=1),
    "popularity": lambda: negatives.Popularity(ITEMS, COUNTS, 5, power=0.5, seed=1),
    "whole": lambda: negatives.WholeCatalogue(ITEMS),
    "mixed": lambda: negatives.Mixed(
        [negatives.InBatch(_frequency()), negatives.Uniform(ITEMS, 3, seed=2)]
    ),
    "memory": lambda: negatives.MemoryQueue(8, 4),
    "memory of a mixture": lambda: negatives.MemoryQueue(8, 4, MAKE["mixed"]()),
    "replicas": lambda: negatives.CrossReplica(negatives.Uniform(ITEMS, 5, seed=1)),
    "hard": lambda: negatives.Hard(2, negatives.Uniform(ITEMS, 9, seed=1)),
    "per query": lambda: negatives.PerQuery(2, negatives.Uniform(ITEMS, 9, seed=1), seed=3),
    "index": lambda: negatives.HardFromIndex(ITEMS, 2, _index()),
    "explicit": lambda: negatives.Explicit("shown"),
    "explicit, of each row": lambda: negatives.Explicit("shown", shared=False),
    "explicit, counted": lambda: negatives.Explicit("shown", frequency=_frequency()),
}
each = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)


def _ask(source, variable, ids=(3, 8, 3), dtype=tf.int64, training=True):
    return _draw(source, variable, ids, dtype, training).negatives


def _draw(source, variable, ids=(3, 8, 3), dtype=tf.int64, training=True):
    positives = tower.positives(ids, variable, dtype=dtype)
    return draw(
        source,
        positives,
        candidate_model=tower.tower_of(variable),
        training=training,
        query_embeddings=tf.ones([len(ids), 4]),
        features={"shown": tf.constant([[4, -1], [9, 3], [1, 2]])},
    )


def _assert_same(left, right):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5) if a.dtype.is_floating else (
            np.testing.assert_array_equal(a, b)
        )


@each
def test_rows_agree_and_embeddings_are_those_of_the_ids(make):
    variable = tower.table()
    pool = _ask(make(), variable)
    rows = pool.ids.shape[0]
    assert pool.embeddings.shape == (rows, 4)
    assert pool.log_q.shape == (rows,)
    assert rows > 0
    np.testing.assert_allclose(pool.embeddings, tf.gather(variable, pool.ids))


@each
def test_densities_are_finite_and_those_of_log_q(make):
    pool = _draw(make(), tower.table())
    for candidates in (pool.positives, pool.negatives):
        if pool.density is not None:
            expected = pool.density(candidates.ids)
            np.testing.assert_allclose(candidates.log_q, expected, rtol=1e-5)
        assert np.all(candidates.log_q <= 0)
        assert np.all(np.isfinite(candidates.log_q))


@each
def test_the_density_sums_to_one_over_the_catalogue(make):
    density = _draw(make(), tower.table()).density
    if density is not None:
        assert np.exp(density(tf.constant(ITEMS))).sum() == pytest.approx(1, abs=1e-5)


@each
def test_graph_equals_eager_over_steps(make):
    eager, graph, variable = make(), make(), tower.table()
    in_graph = tf.function(lambda ids: _ask(graph, variable))
    for _ in range(3):
        _assert_same(in_graph(1), _ask(eager, variable))


@each
def test_batches_of_unknown_size(make):
    source, variable = make(), tower.table()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
    def ask_of(ids):
        positives = Candidates(tower.tower_of(variable)(ids), ids, tf.zeros_like(ids, tf.float32))
        shown = {"shown": tf.stack([ids, ids + 1], axis=1)}
        return ask(
            source,
            positives,
            candidate_model=tower.tower_of(variable),
            training=True,
            query_embeddings=positives.embeddings,
            features=shown,
        )

    for size in (1, 4, 2):
        assert np.all(np.isfinite(ask_of(tf.range(size, dtype=tf.int64)).embeddings))


@each
def test_config_through_json(make):
    source, variable = make(), tower.table()
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(source)))
    again = keras.saving.deserialize_keras_object(config)
    assert json.loads(json.dumps(again.get_config())) == config["config"]
    if isinstance(source, negatives.HardFromIndex):
        again.refresh(_index())
    _assert_same(_ask(again, variable), _ask(source, variable))


@each
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_ids_and_embeddings_have_the_types_of_the_positives(make, dtype):
    variable = tower.table()
    half = lambda ids: tf.cast(tower.tower_of(variable)(ids), tf.float16)  # noqa: E731
    ids = tf.constant([3, 8], dtype)
    pool = ask(
        make(),
        Candidates(half(ids), ids, tf.constant([-1.0, -2.0])),
        candidate_model=half,
        training=True,
        query_embeddings=tf.ones([2, 4], tf.float16),
        features={"shown": tf.constant([1, 2])},
    )
    assert pool.ids.dtype == dtype
    assert pool.embeddings.dtype == tf.float16
    assert pool.log_q.dtype == tf.float32


@keras.saving.register_keras_serializable(package="tests")
class _Trainer(keras.Model):
    def __init__(self, source=None, **kwargs):
        super().__init__(**kwargs)
        self.source = source
        self.tower = keras.layers.Embedding(tower.ITEMS, 4, embeddings_initializer="ones")
        self.seen = self.add_weight(name="seen", shape=(), dtype=tf.int64, trainable=False)

    def build(self, input_shape):
        self.tower.build(input_shape)
        self.built = True

    def call(self, ids, training=None):
        embeddings = self.tower(ids)
        pool = ask(
            self.source,
            Candidates(embeddings, ids, tf.fill(tf.shape(ids), -1.0)),
            candidate_model=self.tower,
            training=training,
            query_embeddings=embeddings,
            features={"shown": ids},
        )
        if training:
            self.seen.assign(tf.reduce_sum(pool.ids))
        logits = tf.matmul(embeddings, pool.embeddings, transpose_b=True) - pool.log_q
        return tf.reduce_logsumexp(logits, axis=1)

    def get_config(self):
        return {"source": keras.saving.serialize_keras_object(self.source)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["source"]))


@each
def test_a_saved_model_takes_the_same_next_step(make, tmp_path):
    if make is MAKE["index"]:
        pytest.skip("the index isn't saved with the model")
    model = _Trainer(make())
    model.compile("sgd", keras.losses.MeanSquaredError())
    data = [tf.constant([step, 2 * step, 7], tf.int64) for step in range(4)]
    for batch in data[:2]:
        model.train_on_batch(batch, tf.zeros(3))
    model.save(tmp_path / "m.keras")
    model.save_weights(str(tmp_path / "checkpoint"))
    again = keras.models.load_model(tmp_path / "m.keras")
    other = _Trainer(make())
    other.compile("sgd", keras.losses.MeanSquaredError())
    other.load_weights(str(tmp_path / "checkpoint"))
    for batch in data[2:]:
        losses = [m.train_on_batch(batch, tf.zeros(3)) for m in (model, again, other)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-6)
        assert losses[0] == pytest.approx(losses[2], rel=1e-6)
        assert model.seen.numpy() == again.seen.numpy() == other.seen.numpy()


@each
def test_evaluation_changes_no_state(make):
    source, variable = make(), tower.table()
    _ask(source, variable)
    before = [w.numpy() for w in source.weights]
    first = _ask(source, variable, training=False)
    _assert_same(first, _ask(source, variable, training=False))
    after = [w.numpy() for w in source.weights]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["uniform", "popularity", "explicit", "index"])
def test_rejects_a_missing_candidate_model(name):
    with pytest.raises(ValueError, match="`candidate_model` must be given"):
        ask(
            MAKE[name](),
            tower.positives([1]),
            query_embeddings=tf.ones([1, 4]),
            features={"shown": [1]},
        )


def test_rejects_ids_of_another_kind():
    positives = Candidates(tf.ones([1, 4]), tf.constant(["a"]), tf.zeros([1]))
    source = negatives.Uniform(ITEMS, 2)
    with pytest.raises(ValueError, match="`candidate_ids` must be of the kind of the source's"):
        ask(source, positives, candidate_model=tower.tower_of(tower.table()))
