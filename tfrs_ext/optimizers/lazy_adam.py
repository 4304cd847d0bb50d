"""Adam that touches the rows of an embedding table that a batch touched, and no others."""

from collections.abc import Callable, Sequence
from typing import Any, Union

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import Config

LearningRate = Union[
    float, keras.optimizers.schedules.LearningRateSchedule, Callable[[], Union[float, tf.Tensor]]
]
Gradient = Union[tf.Tensor, tf.IndexedSlices, None]


@keras.saving.register_keras_serializable(package="tfrs_ext")
class LazyAdam(keras.optimizers.Adam):
    """Adam whose cost on an embedding table is that of the batch, not that of the table.

    For a row with gradient `g`, at step `t` of the optimizer:
    `m = beta_1 m + (1 - beta_1) g`, `v = beta_2 v + (1 - beta_2) g^2`,
    `w = w - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)`.

    Variables with dense gradients are updated as by `keras.optimizers.Adam`. A table with a
    sparse gradient (`tf.IndexedSlices`, as from `Embedding`) differs from it in what happens to
    the rows that are not in the batch: their moments do not decay and their momentum moves them
    no further. Where every row is in every batch, both are the same optimizer. The gradients of
    an id that occurs several times are summed first, before clipping too. The bias correction
    counts the optimizer's steps, as Keras's does, not a row's own: a row that is first seen at a
    late step takes the same step as under Adam, about `lr (1 - beta_1) / sqrt(1 - beta_2)`, that
    is 3.2 learning rates by default.

    Weight decay is lazy too: of a table, only the rows in the batch decay. Three things walk the
    whole table at every step, as in all Keras optimizers: `use_ema`, a constraint on the table,
    and a regularizer on it (for a regularizer that doesn't, see
    `regularizers.MiniBatchAwareL2`).

    Args:
        learning_rate: A number, a schedule, or a callable.
        beta_1: Decay of the first moment.
        beta_2: Decay of the second moment.
        epsilon: Added to the root of the second moment.
        adaptive_epsilon: Whether `epsilon` is scaled by `sqrt(1 - beta_2^t)`, as the paper's first
            algorithm has it.
        amsgrad: Whether the largest second moment so far is used.
        weight_decay: Share of a weight that is taken off at each step, times the learning rate.
        clipnorm: Largest norm of a variable's gradient.
        clipvalue: Largest absolute value in a gradient.
        global_clipnorm: Largest norm of all gradients together.
        use_ema: Whether moving averages of the weights replace them in the end.
        ema_momentum: Momentum of these averages.
        ema_overwrite_frequency: After how many steps they replace the weights, None for the end.
        jit_compile: Whether the updates are compiled by XLA on a GPU. Off by default, since XLA
            would compile anew for every number of distinct ids.
        name: The optimizer's name.

    Relations:
        `keras.optimizers.Adagrad` is as cheap and keeps one moment instead of two.

    Example:
        >>> table = tf.Variable([[1.0], [1.0]])
        >>> gradient = tf.IndexedSlices(tf.constant([[3.0]]), tf.constant([1]))
        >>> _ = LazyAdam(0.1).apply_gradients([(gradient, table)])
        >>> table.numpy().round(3)
        array([[1. ],
               [0.9]], dtype=float32)

    References:
        D. Kingma, J. Ba, 2015. Adam: A Method for Stochastic Optimization. arXiv:1412.6980.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        adaptive_epsilon: bool = False,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        jit_compile: bool = False,
        name: str = "LazyAdam",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            adaptive_epsilon=adaptive_epsilon,
            amsgrad=amsgrad,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            jit_compile=jit_compile,
            name=name,
            **kwargs,
        )

    def update_step(self, gradient: Gradient, variable: tf.Variable) -> None:
        """Updates one variable; `gradient` has every index once."""
        decay = self._decay_of(variable)
        if isinstance(gradient, tf.IndexedSlices):
            self._update_rows(gradient, variable, decay)
            return
        if decay is not None:
            variable.assign_sub(variable * decay)
        super().update_step(gradient, variable)

    def _update_rows(
        self, gradient: tf.IndexedSlices, variable: tf.Variable, decay: tf.Tensor | None
    ) -> None:
        rows, values = gradient.indices, tf.cast(gradient.values, variable.dtype)
        m, v, v_hat = self._moments(variable)
        m_rows = tf.gather(m, rows) * self.beta_1 + values * (1 - self.beta_1)
        v_rows = tf.gather(v, rows) * self.beta_2 + tf.square(values) * (1 - self.beta_2)
        m.scatter_update(tf.IndexedSlices(m_rows, rows))
        v.scatter_update(tf.IndexedSlices(v_rows, rows))
        if v_hat is not None:
            v_rows = tf.maximum(tf.gather(v_hat, rows), v_rows)
            v_hat.scatter_update(tf.IndexedSlices(v_rows, rows))
        rate, epsilon = self._rate_and_epsilon(variable.dtype)
        change = rate * m_rows / (tf.sqrt(v_rows) + epsilon)
        if decay is not None:
            change += tf.gather(variable, rows) * decay
        variable.scatter_sub(tf.IndexedSlices(change, rows))

    def _moments(self, variable: tf.Variable) -> tuple[Any, Any, Any]:
        index = self._index_dict[self._var_key(variable)]
        v_hat = self._velocity_hats[index] if self.amsgrad else None
        return self._momentums[index], self._velocities[index], v_hat

    def _rate_and_epsilon(self, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
        step = tf.cast(self.iterations + 1, dtype)
        # Not `tf.cast`, which rounds a number to float32 first, in which 1 - 0.999 is 0.99999e-3.
        beta_1, beta_2 = (tf.convert_to_tensor(b, dtype) for b in (self.beta_1, self.beta_2))
        one_minus_beta_1, root = 1 - tf.pow(beta_1, step), tf.sqrt(1 - tf.pow(beta_2, step))
        rate = tf.cast(self.learning_rate, dtype) * root / one_minus_beta_1
        return rate, self.epsilon * root if self.adaptive_epsilon else self.epsilon

    def _decay_of(self, variable: tf.Variable) -> tf.Tensor | None:
        if self.weight_decay is None or not self._use_weight_decay(variable):
            return None
        return tf.cast(self.learning_rate, variable.dtype) * self.weight_decay

    def _apply_weight_decay(self, variables: Sequence[tf.Variable]) -> None:
        # Keras decays whole tables here; `update_step` decays the rows of the batch.
        return None

    def _clip_gradients(self, grads: Sequence[Gradient]) -> list[Gradient]:
        # Keras clips first and sums duplicates afterwards, which clips by another norm.
        if self.clipnorm or self.clipvalue or self.global_clipnorm:
            grads = self._deduplicate_sparse_grad(grads)
        return super()._clip_gradients(grads)

    def _deduplicate_sparse_grad(self, grads: Sequence[Gradient]) -> list[Gradient]:
        # Keras's sums are as right; sorted rows are read and written faster.
        return [_sum_duplicates(g) if isinstance(g, tf.IndexedSlices) else g for g in grads]

    def get_config(self) -> Config:
        """Returns the configuration."""
        return {**super().get_config(), "adaptive_epsilon": self.adaptive_epsilon}


def _sum_duplicates(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """Returns the same gradient with every index once, in order."""
    order = tf.argsort(gradient.indices)
    rows, positions = tf.unique(tf.gather(gradient.indices, order))
    values = tf.math.segment_sum(tf.gather(gradient.values, order), positions)
    return tf.IndexedSlices(values, rows, gradient.dense_shape)
