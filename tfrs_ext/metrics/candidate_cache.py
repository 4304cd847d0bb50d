"""Embeddings of a dataset of candidates, computed once and again when weights change."""

import tensorflow as tf

_WHOLE = 2**62  # More rows than any dataset has: one batch.
_BITS = {2: tf.int16, 4: tf.int32, 8: tf.int64}


class CandidateCache:
    """Holds what a dataset of candidates yields, until it may yield something else.

    A dataset such as `movies.batch(128).map(model)` computes with the weights of the moment. It is
    read again by the first `read` of an evaluation, and whenever a variable that its functions
    capture has another checksum than when it was last read, as after each step of training. Where
    functions call Python, so that their variables can't be known, it is read every time.

    The cache is no part of what is saved: no Keras object tracks its variables.

    Args:
        dataset: Batches of embeddings `[B, D]`, or of (ids `[B]`, embeddings `[B, D]`).
    """

    def __init__(self, dataset: tf.data.Dataset) -> None:
        spec = dataset.element_spec
        self._has_ids = isinstance(spec, tuple)
        specs = spec if isinstance(spec, tuple) else (spec,)
        if len(specs) != 1 + self._has_ids or specs[-1].shape.rank not in (2, None):
            raise ValueError(
                "`candidates` must yield batches of embeddings [B, D] or of (ids [B], embeddings "
                f"[B, D]), received {spec}: use `.batch(…)` before the embedding model."
            )
        self.dataset = dataset
        self._watched, self._is_opaque = _captured(dataset)
        # A session runs graphs whose variables it would have to initialize: there, no cache.
        self._is_cached = tf.compat.v1.executing_eagerly_outside_functions()
        if self._is_cached:
            self._parts = [_variable(part.dtype, part.shape.rank) for part in specs]
            self._checksums = _variable(tf.int64, 1)

    def read(self, is_first: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns embeddings `[C, D]` float32, and ids `[C]` or None.

        Args:
            is_first: Scalar boolean, whether an evaluation begins.
        """
        if not self._is_cached:
            return self._split(self._embed())
        checksums = tf.stack([tf.constant(0, tf.int64), *map(_checksum, self._watched)])
        if self._is_opaque:
            self._refresh(checksums)
        else:
            # Compared in the second branch alone: at first there is nothing to compare with.
            known = self._checksums.read_value()
            is_stale = tf.cond(
                is_first, lambda: True, lambda: tf.reduce_any(tf.not_equal(known, checksums))
            )
            tf.cond(is_stale, lambda: self._refresh(checksums), tf.no_op)
        return self._split([part.read_value() for part in self._parts])

    def _embed(self) -> list[tf.Tensor]:
        whole = self.dataset.rebatch(_WHOLE).get_single_element()
        return tf.nest.flatten(whole)

    def _refresh(self, checksums: tf.Tensor) -> tf.Operation:
        with tf.control_dependencies([checksums]):
            parts = self._embed()
        with tf.control_dependencies(parts):
            # A graph doesn't see what a dataset reads. These reads, after it, are what the
            # optimizer's next assignments wait for.
            reads = [variable.read_value() for variable in self._watched]
        with tf.control_dependencies(reads):
            new = [old.assign(part) for old, part in zip(self._parts, parts, strict=True)]
            return tf.group(self._checksums.assign(checksums), *new)

    def _split(self, parts: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor | None]:
        return tf.cast(parts[-1], tf.float32), parts[0] if self._has_ids else None


def _variable(dtype: tf.DType, rank: int | None) -> tf.Variable:
    shape = tf.TensorShape(None if rank is None else [None] * rank)
    return tf.Variable(
        tf.zeros([0] * (rank or 1), dtype),
        trainable=False,
        shape=shape,
        # Each replica has its own, as for the variables of Keras metrics.
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


def _captured(dataset: tf.data.Dataset) -> tuple[list[tf.Variable], bool]:
    """Returns the floating variables that a dataset's functions read, and whether any hide more."""
    variables: dict[int, tf.Variable] = {}
    is_opaque, waiting = False, [dataset]
    while waiting:
        node = waiting.pop()
        waiting.extend(node._inputs())
        for wrapped in node._functions():
            is_opaque |= "PyFunc" in str(wrapped.function.graph.as_graph_def())
            variables.update({id(variable): variable for variable in wrapped.function.variables})
    return [v for v in variables.values() if v.dtype.is_floating], is_opaque


def _checksum(variable: tf.Variable) -> tf.Tensor:
    """Returns a sum of the bits, weighted by place so that opposite changes don't cancel."""
    bits = tf.bitcast(variable, _BITS[variable.dtype.size])
    bits = tf.cast(bits, tf.int32) if variable.dtype.size == 2 else bits
    rows = tf.reshape(bits, [-1, variable.shape[-1] or 1] if variable.shape.rank else [1, 1])
    for _ in range(2):
        # Odd multipliers lose no bit; the constant is 2^32 over the golden ratio.
        places = tf.range(tf.shape(rows)[-1]) * -1_640_531_527
        weights = tf.bitwise.bitwise_or(places, tf.ones_like(places))
        rows = tf.reduce_sum(rows * tf.cast(weights, rows.dtype), axis=-1)
    return tf.cast(rows, tf.int64)
