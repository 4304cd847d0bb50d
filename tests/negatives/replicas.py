"""A process of its own: sources under a strategy, against the same rows as one batch.

`python -m tests.negatives.replicas mirrored plain-integers memory-strings` with
TF_USE_LEGACY_KERAS=1; `workers` with TF_CONFIG as well.
"""

import sys

import numpy as np
import tensorflow as tf

from tests.negatives.ask import ask
from tfrs_ext import frequencies, negatives
from tfrs_ext.candidates import Candidates

ITEMS, WIDTH, ROWS, STEPS = 30, 4, 3, 3


def _batches(replicas):
    """Ids `[STEPS, replicas, ROWS]`."""
    return np.random.default_rng(0).integers(0, ITEMS, (STEPS, replicas, ROWS))


def _table():
    start = np.random.default_rng(1).normal(size=(ITEMS, WIDTH)).astype("float32")
    return tf.Variable(start, aggregation=tf.VariableAggregation.SUM)


def _as_id(numbers, as_strings):
    numbers = tf.cast(numbers, tf.int64)
    # A zero byte and letters of two bytes on the way.
    return tf.strings.join(["ü\0", tf.strings.as_string(numbers)]) if as_strings else numbers


def _as_number(ids):
    if ids.dtype != tf.string:
        return ids
    return tf.strings.to_number(tf.strings.substr(ids, 3, 9), tf.int64)


def _source(kind, as_strings):
    """A source that gathers, and the frequency inside it."""
    ids = _as_id(tf.range(ITEMS), as_strings).numpy()
    frequency = frequencies.StreamingFrequency(97, 2, alpha=0.2)
    in_batch = negatives.InBatch(frequency)
    if kind == "memory":
        id_dtype = "string" if as_strings else "int64"
        gathered = negatives.CrossReplica(in_batch)
        return negatives.MemoryQueue(10, WIDTH, gathered, id_dtype=id_dtype), frequency
    if kind == "mixed":
        in_batch = negatives.Mixed([in_batch, negatives.Uniform(ids, 5, seed=1)])
    return negatives.CrossReplica(in_batch), frequency


def _loss(positives, pool):
    logits = tf.matmul(positives.embeddings, pool.embeddings, transpose_b=True) - pool.log_q
    logits = tf.where(positives.ids[:, None] == pool.ids[None, :], -1e9, logits)
    own = tf.reduce_sum(positives.embeddings**2, axis=1)
    return tf.reduce_sum(tf.reduce_logsumexp(tf.concat([own[:, None], logits], 1), axis=1) - own)


def _step(table, source, ids):
    def embed(ids):
        return tf.gather(table, _as_number(ids))

    with tf.GradientTape() as tape:
        positives = Candidates(embed(ids), ids, tf.zeros_like(_as_number(ids), tf.float32))
        pool = ask(source, positives, candidate_model=embed, training=True)
        loss = _loss(positives, pool)
    return loss, tf.convert_to_tensor(tape.gradient(loss, table)), pool.ids


def _result(table, frequency, as_strings, pools, **values):
    values["table"] = tf.convert_to_tensor(table)
    values["log_q"] = frequency(_as_id(tf.range(ITEMS), as_strings))
    values["draws"] = tf.convert_to_tensor(frequency.draws)
    return {
        "pools": [_as_number(ids).numpy() for ids in pools],
        **{name: value.numpy() for name, value in values.items()},
    }


def _run(strategy, kind, as_strings):
    replicas = strategy.num_replicas_in_sync
    with strategy.scope():
        table = _table()
        source, frequency = _source(kind, as_strings)

    def step(ids):
        loss, gradient, pool = _step(table, source, ids)
        context = tf.distribute.get_replica_context()
        return loss, context.all_reduce(tf.distribute.ReduceOp.SUM, gradient), pool

    run = tf.function(lambda ids: strategy.run(step, args=(ids,)))
    for batch in _as_id(_batches(replicas), as_strings):
        ids = strategy.experimental_distribute_values_from_function(
            lambda context, batch=batch: batch[int(context.replica_id_in_sync_group)]
        )
        loss, gradient, pool = run(ids)
        table.assign_sub(0.1 * strategy.experimental_local_results(gradient)[0])
    loss = strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)
    pools = strategy.experimental_local_results(pool)
    return _result(table, frequency, as_strings, pools, loss=loss)


def _run_alone(kind, as_strings, replicas):
    """The same steps with the rows of all replicas as one batch, and no strategy."""
    table = _table()
    source, frequency = _source(kind, as_strings)
    for batch in _as_id(_batches(replicas).reshape(STEPS, -1), as_strings):
        loss, gradient, pool = _step(table, source, batch)
        table.assign_sub(0.1 * gradient)
    return _result(table, frequency, as_strings, [pool], loss=loss)


def _check(strategy, kind, as_strings):
    replicas = strategy.num_replicas_in_sync
    together = _run(strategy, kind, as_strings)
    for pool in together["pools"]:
        np.testing.assert_array_equal(pool, together["pools"][0])
    if kind == "mixed":
        drawn = together["pools"][0].reshape(replicas, -1)[:, ROWS:]
        assert (drawn[0] != drawn[1]).any(), "replicas drew the same negatives"
        return
    alone = _run_alone(kind, as_strings, replicas)
    np.testing.assert_array_equal(together["pools"][0], alone["pools"][0])
    for name in ("loss", "table", "log_q", "draws"):
        np.testing.assert_allclose(together[name], alone[name], rtol=1e-4, atol=1e-5, err_msg=name)


def _strategy(name):
    if name == "workers":
        return tf.distribute.MultiWorkerMirroredStrategy()
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


if __name__ == "__main__":
    strategy = _strategy(sys.argv[1])
    for case in sys.argv[2:]:
        kind, ids = case.split("-")
        _check(strategy, kind, ids == "strings")
        print(case, "agrees", flush=True)
