"""L2 regularization of an embedding table that costs what the batch touches."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class MiniBatchAwareL2(keras.layers.Layer):
    """Penalises the embeddings of the ids in a batch, rare ids' the most.

    `l2 / 2 * sum_{j in batch} ||w_j||^2 / n_j`, every id once however often the batch has it;
    `n_j` says how often id `j` occurs in all the training data. A step of SGD with rate `r` thus
    takes `r l2 w_j / n_j` off each of these rows. In batches of one example, an epoch's
    penalties sum to `l2 / 2 ||W||^2` over the ids that occur.

    An id with count 0, such as padding, has no penalty. The counts are saved with the model.

    Args:
        input_dim: Number of rows of the table.
        l2: The factor of the penalty; the paper uses 0.01.
        counts: `[input_dim]`, how often each id occurs in the training data. None where `adapt`
            will count them, or loaded weights will bring them.

    Call arguments:
        ids: Integers of any shape, rows of the table.
        embeddings: `[input_dim, D]`, the table: the variable itself, so that the gradient has
            the batch's rows alone.

    Returns:
        The penalty, a float32 scalar, for `add_loss`.

    Raises:
        ValueError: An argument is out of range, or of the wrong size.

    Relations:
        `layers.RegularizedEmbedding` adds it to the loss. An `embeddings_regularizer` of Keras
        sees the whole table at every step, whose gradient then is as large as the table.

    Example:
        >>> regularizer = MiniBatchAwareL2(3, l2=0.1, counts=[1, 2, 4])
        >>> float(regularizer(tf.constant([1, 1, 2]), tf.ones([3, 2])))  # .05 (2 / 2 + 2 / 4)
        0.07500000298023224

    References:
        G. Zhou et al., 2018. Deep Interest Network for Click-Through Rate Prediction.
        arXiv:1706.06978.
    """

    def __init__(
        self,
        input_dim: int,
        l2: float = 0.01,
        counts: npt.ArrayLike | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if l2 < 0:
            raise ValueError(f"`l2` must not be negative, received {l2=}.")
        self.input_dim = input_dim
        self.l2 = l2
        self.counts = self.add_weight(
            name="counts",
            shape=(input_dim,),
            dtype=tf.float32,
            initializer="zeros",
            trainable=False,
            experimental_autocast=False,
        )
        if counts is not None:
            self._set_counts(np.asarray(counts))

    def _set_counts(self, counts: np.ndarray) -> None:
        if counts.shape != (self.input_dim,) or np.any(counts < 0):
            raise ValueError(
                f"`counts` must be {self.input_dim} numbers that are not negative, "
                f"received shape {counts.shape}, smallest {counts.min(initial=0)}."
            )
        self.counts.assign(counts.astype(np.float32))

    def adapt(self, ids: npt.ArrayLike | tf.data.Dataset) -> None:
        """Counts the ids of the training data.

        Args:
            ids: Integers of any shape in `[0, input_dim)`, or a dataset of such batches.
        """
        counts = np.zeros(self.input_dim, np.int64)
        for batch in ids if isinstance(ids, tf.data.Dataset) else [ids]:
            flat = np.ravel(batch)
            if flat.size and not 0 <= flat.min() <= flat.max() < self.input_dim:
                raise ValueError(
                    f"`ids` must be in [0, {self.input_dim}), "
                    f"received {flat.min()} to {flat.max()}."
                )
            counts += np.bincount(flat, minlength=self.input_dim)
        self._set_counts(counts)

    def call(self, ids: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        """Returns the penalty, a scalar."""
        rows, _ = tf.unique(tf.reshape(ids, [-1]))
        norms = tf.reduce_sum(tf.square(tf.cast(tf.gather(embeddings, rows), tf.float32)), -1)
        shares = tf.math.divide_no_nan(norms, tf.gather(self.counts, rows))
        return self.l2 / 2 * tf.reduce_sum(shares)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able; the counts are a weight."""
        return {**super().get_config(), "input_dim": self.input_dim, "l2": self.l2}
