"""Two replicas learn from a global batch what one process learns from it, whatever is trained.

The shares of the replicas differ in size. Samplers draw other negatives on each replica, so they
are not among the cases.
"""

import numpy as np
import pytest
import tensorflow as tf

from tests.losses.cases import CORRECTED, LOSSES
from tests.sweeps import mostly_slow
from tfrs_ext import frequencies, negatives, optimizers, tasks
from tfrs_ext._keras import keras
from tfrs_ext.losses import CorrectedSampledSoftmax, InfoNCE, SampledSoftmax
from tfrs_ext.models import TwoTower

USERS, ITEMS, ROWS, CUT = 6, 9, 7, 4
RNG = np.random.default_rng(0)
BATCHES = [
    {
        "user": RNG.integers(0, USERS, ROWS),
        "item": RNG.integers(0, ITEMS, ROWS),
        "shown": RNG.integers(-1, ITEMS, (ROWS, 3)),
        "sample_weight": RNG.random(ROWS).astype(np.float32),
    }
    for _ in range(2)
]
TABLES = [RNG.normal(size=(rows, 4)).astype(np.float32) for rows in (USERS, ITEMS)]


def streaming():
    return frequencies.StreamingFrequency(97, 2, alpha=0.2)


SOURCES = {
    "streaming": lambda: negatives.CrossReplica(negatives.InBatch(streaming())),
    "memory": lambda: negatives.MemoryQueue(
        12, 4, negatives.CrossReplica(negatives.InBatch(streaming()))
    ),
    "whole": lambda: negatives.WholeCatalogue(np.arange(ITEMS)),
    "explicit": lambda: negatives.CrossReplica(negatives.Explicit("shown")),
    "explicit of each row": lambda: negatives.Explicit("shown", shared=False),
    # Each replica keeps what is hard for its own queries; here they all keep all.
    "hard": lambda: negatives.Hard(ROWS, SOURCES["streaming"]()),
    "mixed": lambda: negatives.Mixed(
        [SOURCES["streaming"](), negatives.WholeCatalogue(np.arange(ITEMS))]
    ),
}


def train(strategy, make_task, make_optimizer):
    """Returns all weights after two steps, the second of which sees what the first one changed."""
    with strategy.scope():
        towers = [keras.layers.Embedding(len(table), 4) for table in TABLES]
        model = TwoTower(
            *towers, make_task(), item_id="item", query_column="user", candidate_column="item"
        )
        model.compile(make_optimizer())
        model({name: tf.constant(column) for name, column in BATCHES[0].items()})
        for tower, table in zip(towers, TABLES, strict=True):
            tower.set_weights([table])
    logs = {}
    for batch in BATCHES:
        logs = strategy.run(model.train_step, args=(distribute(strategy, batch),))
    loss = strategy.experimental_local_results(logs["loss"])[0]
    moments = [v for v in model.optimizer.variables if v.shape.rank]
    state = [w for w in model.weights if w.dtype.is_floating]
    return [loss.numpy(), *(weight.numpy() for weight in (*state, *moments))]


def distribute(strategy, batch):
    if strategy.num_replicas_in_sync == 1:
        return {name: tf.constant(column) for name, column in batch.items()}

    def share(context):
        rows = (slice(CUT), slice(CUT, ROWS))[context.replica_id_in_sync_group]
        return {name: tf.constant(column[rows]) for name, column in batch.items()}

    return strategy.experimental_distribute_values_from_function(share)


def assert_replicas_agree(two_replicas, make_task, make_optimizer):
    found = train(two_replicas, make_task, make_optimizer)
    expected = train(tf.distribute.get_strategy(), make_task, make_optimizer)
    assert len(found) == len(expected) > 3
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", mostly_slow([*LOSSES, *CORRECTED], ["bpr"]))
def test_every_loss(two_replicas, name):
    make_loss, _ = {**LOSSES, **CORRECTED}[name]
    assert_replicas_agree(
        two_replicas,
        lambda: tasks.Retrieval(make_loss(), negatives=SOURCES["streaming"]()),
        lambda: keras.optimizers.SGD(1.0),
    )


@pytest.mark.parametrize("name", mostly_slow(SOURCES, ["memory"]))
def test_every_source_whose_negatives_are_not_drawn(two_replicas, name):
    is_corrected = name in ("streaming", "memory", "mixed")
    make_loss = CorrectedSampledSoftmax if is_corrected else SampledSoftmax
    assert_replicas_agree(
        two_replicas,
        lambda: tasks.Retrieval(make_loss(), negatives=SOURCES[name]()),
        lambda: optimizers.LazyAdam(0.1),
    )


@pytest.mark.slow
def test_a_temperature_that_is_learned(two_replicas):
    assert_replicas_agree(
        two_replicas,
        lambda: tasks.Retrieval(
            InfoNCE(), negatives=SOURCES["streaming"](), remove_accidental_hits=True
        ),
        lambda: keras.optimizers.Adam(0.1),
    )
