"""Earlier batches' candidates as negatives."""

from collections.abc import MutableMapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.in_batch import InBatch
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source
from tfrs_ext.typing import Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class MemoryQueue(Source):
    """Adds the latest rows that another source answered with in earlier steps, without gradient.

    `pool = source's pool + memory`; then the source's pool enters the memory, and the oldest rows
    leave. Embeddings drift slowly once training has settled, so rows of earlier steps are nearly
    as good as fresh ones, for the price of their scores alone. Each keeps its id and log_q. The
    memory is saved with the model: training that resumes goes on as if it hadn't stopped.

    Args:
        capacity: Rows that the memory holds at most.
        embedding_dim: D.
        source: Whose rows are kept; None is `InBatch()`. Under a strategy use `CrossReplica`, or
            the memory holds the first replica's rows alone.
        warmup_steps: Training steps in which the memory fills, but isn't answered with.
        id_dtype: `"int64"` (also for int32 ids) or `"string"`.

    Raises:
        ValueError: Where `capacity` or `embedding_dim` < 1, `warmup_steps` < 0, or `id_dtype` is
            neither of the two, or `"string"` under MultiWorkerMirroredStrategy.

    Example:
        >>> memory = tfrs_ext.negatives.MemoryQueue(capacity=8192, embedding_dim=64)

    References:
        Wang et al., "Cross-Batch Negative Sampling for Training Two-Tower Recommenders",
        SIGIR 2021. He et al., "Momentum Contrast for Unsupervised Visual Representation
        Learning", CVPR 2020.
    """

    PARTS = ("source",)

    def __init__(
        self,
        capacity: int,
        embedding_dim: int,
        source: Source | None = None,
        warmup_steps: int = 0,
        id_dtype: str = "int64",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = InBatch() if source is None else source
        for name, value in (("capacity", capacity), ("embedding_dim", embedding_dim)):
            if value < 1:
                raise ValueError(f"`{name}` must be ≥ 1, received {name}={value}.")
        if warmup_steps < 0:
            raise ValueError(f"`warmup_steps` must be ≥ 0, received {warmup_steps}.")
        if id_dtype not in ("int64", "string"):
            raise ValueError(f"`id_dtype` must be 'int64' or 'string', received {id_dtype!r}.")
        workers = tf.distribute.MultiWorkerMirroredStrategy
        if id_dtype == "string" and isinstance(tf.distribute.get_strategy(), workers):
            raise ValueError(
                "`id_dtype` must be 'int64' under MultiWorkerMirroredStrategy, which can't create "
                "variables of strings, received 'string': map the ids to integers."
            )
        self.capacity = capacity
        self.embedding_dim = embedding_dim
        self.warmup_steps = warmup_steps
        self.id_dtype = id_dtype
        self.memory = (
            self._state("embeddings", (capacity, embedding_dim), tf.float32),
            self._state("ids", (capacity,), tf.as_dtype(id_dtype)),
            self._state("log_q", (capacity,), tf.float32),
        )
        self.entered = self._state("entered", (), tf.int64)
        self.steps = self._state("steps", (), tf.int64)

    def _state(self, name: str, shape: tuple[int, ...], dtype: tf.DType) -> tf.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer=lambda *_, **__: tf.zeros(shape, dtype),
            trainable=False,
            experimental_autocast=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def draw(self, batch: Batch) -> Pool:
        """Returns the source's pool and the memory's, and remembers the former in training."""
        pool = self.source.draw_shared(batch)
        fresh = pool.negatives
        self._check(fresh)
        remembered = self._remembered(fresh)
        if batch.training:
            with tf.control_dependencies([part for part in remembered if part is not None]):
                self._enter(fresh)
        own = pool.own
        if own is not None:
            own = tf.concat([own, tf.fill(tf.shape(remembered.ids), -1)], axis=0)
        return pool._replace(negatives=fresh.concat([remembered]), own=own)

    def _check(self, fresh: Candidates) -> None:
        width = fresh.embeddings.shape[1]
        if width not in (None, self.embedding_dim):
            raise ValueError(
                f"`embedding_dim` must be the width of the source's embeddings, {width}, received "
                f"{self.embedding_dim}."
            )
        id_dtype = "string" if fresh.ids.dtype == tf.string else "int64"
        if id_dtype != self.id_dtype:
            raise ValueError(
                f"`id_dtype` must be {id_dtype!r} for ids of that type, received {self.id_dtype!r}."
            )

    def _remembered(self, fresh: Candidates) -> Candidates:
        filled = tf.minimum(self.entered, self.capacity)
        filled = tf.where(self.steps < self.warmup_steps, tf.zeros_like(filled), filled)
        embeddings, ids, log_q = (part[:filled] for part in self.memory)
        # What the source doesn't know when a row enters, nobody knows later.
        return Candidates(embeddings, ids, None if fresh.log_q is None else log_q).like(fresh)

    def _enter(self, fresh: Candidates) -> None:
        log_q = tf.zeros(tf.shape(fresh.ids)) if fresh.log_q is None else fresh.log_q
        latest = [part[-self.capacity :] for part in (fresh.embeddings, fresh.ids, log_q)]
        rows = tf.size(latest[1], tf.int64)
        slots = (self.entered + tf.range(rows)) % self.capacity
        for memory, part in zip(self.memory, latest, strict=True):
            part = tf.cast(part, memory.dtype) if part.dtype != memory.dtype else part
            memory.scatter_update(tf.IndexedSlices(part, slots))
        self.entered.assign_add(rows)
        self.steps.assign_add(1)

    def save_own_variables(self, store: MutableMapping[str, npt.ArrayLike]) -> None:
        """Writes the state; HDF5 has no strings of any length, so ids are padded to one."""
        for variable in self._own_state():
            value = variable.numpy()
            store[variable.name] = value.astype("S") if variable.dtype == tf.string else value

    def load_own_variables(self, store: MutableMapping[str, npt.ArrayLike]) -> None:
        """Reads the state."""
        for variable in self._own_state():
            value = np.asarray(store[variable.name])
            variable.assign(value.astype(object) if variable.dtype == tf.string else value)

    def _own_state(self) -> list[tf.Variable]:
        return [*self.memory, self.entered, self.steps]

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "capacity": self.capacity,
            "embedding_dim": self.embedding_dim,
            "warmup_steps": self.warmup_steps,
            "id_dtype": self.id_dtype,
        }
