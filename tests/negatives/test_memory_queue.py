import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.negatives import tower
from tests.negatives.ask import ask
from tests.oracles import sampling as oracle
from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.features import Categorical
from tfrs_ext.models import TwoTower
from tfrs_ext.negatives import CrossReplica, InBatch, MemoryQueue, Mixed, Uniform
from tfrs_ext.tasks import Retrieval


def _rows(ids, log_q=None):
    ids = tf.constant(ids, tf.int64)
    embeddings = tf.cast(ids, tf.float32)[:, None] * tf.constant([[1.0, 10.0]])
    log_q = -tf.cast(ids, tf.float32) if log_q is None else log_q
    return Candidates(embeddings, ids, log_q)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=7), min_size=1, max_size=8),
    st.integers(1, 9),
)
def test_answers_with_what_a_fifo_list_holds(batches, capacity):
    memory = MemoryQueue(capacity, 2)
    for batch, held in zip(batches, oracle.fifo(batches, capacity), strict=True):
        pool = ask(memory, _rows(batch), training=True)
        assert pool.ids[: len(batch)].numpy().tolist() == batch
        assert sorted(pool.ids[len(batch) :].numpy()) == sorted(held)
        np.testing.assert_array_equal(pool.embeddings, _rows(pool.ids).embeddings)
        np.testing.assert_array_equal(pool.log_q, _rows(pool.ids).log_q)


def test_remembers_embeddings_as_they_were_and_without_gradient():
    variable = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    memory = MemoryQueue(4, 2)

    def rows():
        return Candidates(variable + 0, tf.constant([1, 2]), tf.zeros([2]))

    ask(memory, rows(), training=True)
    variable.assign_add(tf.ones([2, 2]))
    with tf.GradientTape() as tape:
        pool = ask(memory, rows(), training=True)
        loss = tf.reduce_sum(pool.embeddings)
    np.testing.assert_array_equal(pool.embeddings[2:], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(tape.gradient(loss, variable), np.ones((2, 2)))


def test_fills_but_stays_silent_while_it_warms_up():
    memory = MemoryQueue(10, 2, warmup_steps=2)
    sizes = [ask(memory, _rows([step, step]), training=True).ids.shape[0] for step in range(4)]
    assert sizes == [2, 2, 2 + 4, 2 + 6]


def test_evaluation_reads_and_enters_nothing():
    memory = MemoryQueue(10, 2)
    ask(memory, _rows([1, 2]), training=True)
    for _ in range(2):
        assert ask(memory, _rows([3]), training=False).ids.numpy().tolist() == [3, 1, 2]


def test_keeps_the_rows_of_any_source():
    embed = tower.tower_of(tower.table())
    memory = MemoryQueue(20, 4, Uniform(np.arange(tower.ITEMS), 5, seed=1))
    pools = [
        ask(memory, tower.positives([1]), candidate_model=embed, training=True) for _ in range(3)
    ]
    assert [pool.ids.shape[0] for pool in pools] == [5, 10, 15]
    first, second = pools[0].ids, pools[1].ids[:5]
    np.testing.assert_array_equal(pools[2].ids[5:], tf.concat([first, second], axis=0))


def test_cross_batch_sampling_composes_with_mixtures_and_replicas():
    memory = MemoryQueue(4, 2, CrossReplica(InBatch()))
    mixed = Mixed([memory, InBatch()])
    ask(mixed, _rows([1, 2]), training=True)
    assert ask(mixed, _rows([3]), training=True).ids.numpy().tolist() == [3, 1, 2, 3]


@pytest.mark.parametrize("folder", ["m.keras", "m.weights.h5", "checkpoint"])
def test_string_ids_survive_every_file(folder, tmp_path):
    def make():
        memory = MemoryQueue(3, 2, id_dtype="string")
        model = keras.Sequential([keras.layers.Dense(1, input_shape=(1,))])
        model.memory = memory
        return model, memory

    model, memory = make()
    ids = tf.constant(["a", "", "ünï", "d" * 40])
    rows = Candidates(tf.ones([4, 2]), ids, tf.fill([4], -1.0))
    ask(memory, rows, training=True)
    path = str(tmp_path / folder)
    again, restored = make()
    if folder == "m.keras":
        store = {}
        memory.save_own_variables(store)
        restored.load_own_variables(store)
    else:
        model.save_weights(path)
        again.load_weights(path)
    expected, actual = (ask(layer, rows, training=False).ids[4:] for layer in (memory, restored))
    assert actual.numpy().tolist() == expected.numpy().tolist() == ids[1:].numpy().tolist()


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.keras", "folder"])
def test_a_saved_retriever_remembers_its_rows_and_learns_on_from_them(file, tmp_path):
    queue = MemoryQueue(3, 2, id_dtype="string")
    columns = {"user": np.array(["a", "b", "c", "a"]), "item": np.array(["x", "y", "z", "w"])}
    model = TwoTower.from_features(
        [Categorical("user", ("a", "b", "c"))],
        [Categorical("item", ("x", "y", "z"))],
        embedding_dim=2,
        hidden_units=(),
        task=Retrieval(negatives=queue),
        item_id="item",
    )
    model.compile("sgd")
    batches = tf.data.Dataset.from_tensor_slices(columns).batch(2)
    model.fit(batches, verbose=0)
    model.save(tmp_path / file)
    again = keras.models.load_model(tmp_path / file)
    assert sorted(again.task.negatives.memory[1].numpy()) == sorted(queue.memory[1].numpy())
    for batch in batches:
        losses = [m.train_on_batch(batch, return_dict=True)["loss"] for m in (model, again)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 2), "`capacity` must be ≥ 1, received capacity=0"),
        ((2, 0), "`embedding_dim` must be ≥ 1"),
        ((2, 2, None, -1), "`warmup_steps` must be ≥ 0, received -1"),
        ((2, 2, None, 0, "float32"), "`id_dtype` must be 'int64' or 'string', received 'float32'"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        MemoryQueue(*arguments)


def test_rejects_embeddings_of_another_width():
    with pytest.raises(ValueError, match=r"`embedding_dim` must be the width .*, 4, received 2"):
        ask(MemoryQueue(3, 2), tower.positives([1]), training=True)


def test_rejects_ids_of_another_type():
    rows = Candidates(tf.ones([1, 2]), tf.constant(["a"]), tf.zeros([1]))
    with pytest.raises(ValueError, match="`id_dtype` must be 'string' for ids of that type"):
        ask(MemoryQueue(3, 2), rows, training=True)
