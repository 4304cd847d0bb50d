"""The softmax variants as Keras layers, for any model's logits."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.bandits.bandit import check_at_least
from tfrs_ext.ops.difference_softmax import bonus_softmax, recovering_difference_softmax
from tfrs_ext.typing import Config, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DifferenceSoftmax(keras.layers.Layer):
    """Moves softmax rows away from the mean row of the batch: `p + alpha (p - mean p)`.

    Args:
        alpha: How far rows are moved, at least 0; 0 gives the softmax.
        project: Whether rows are made distributions: as printed, entries can leave [0, 1].

    Call arguments:
        logits: `[B, C]` floating point.

    Returns:
        `[B, C]`, of the layer's compute dtype.

    Relations:
        The result depends on the batch. `BonusSoftmax` doesn't, and learns its bonus.

    Example:
        >>> layer = DifferenceSoftmax(alpha=0.5, project=True)
        >>> layer(tf.constant([[3.0, 1.0, 0.0], [0.0, 3.0, 0.0]])).numpy().round(3)
        array([[0.962, 0.   , 0.038],
               [0.   , 0.96 , 0.04 ]], dtype=float32)
    """

    def __init__(self, alpha: float = 0.5, project: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha, self.project = check_at_least("alpha", alpha, 0), bool(project)

    def call(self, logits: TensorLike) -> tf.Tensor:
        """Returns the moved rows."""
        return recovering_difference_softmax(logits, self.alpha, project=self.project)

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "alpha": self.alpha, "project": self.project}


@keras.saving.register_keras_serializable(package="tfrs_ext")
class BonusSoftmax(keras.layers.Layer):
    """Adds a bonus for each class to the logits: `softmax(logits + bonus)`.

    The bonus is a weight, zero at first, which training moves; set it to favour classes by hand.

    Args:
        initializer: What the bonus is before training: a Keras initializer or its name.

    Call arguments:
        logits: `[B, C]` floating point.

    Returns:
        `[B, C]` distributions, of the layer's compute dtype.

    Example:
        >>> BonusSoftmax()(tf.constant([[2.0, 1.0, 0.5]])).numpy().round(4)
        array([[0.6285, 0.2312, 0.1402]], dtype=float32)
    """

    def __init__(
        self, initializer: str | keras.initializers.Initializer = "zeros", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)

    def build(self, shape: tf.TensorShape) -> None:
        """Makes the bonus, `[C]`."""
        self.bonus = self.add_weight(
            name="bonus", shape=(tf.TensorShape(shape)[-1],), initializer=self.initializer
        )
        super().build(shape)

    def call(self, logits: TensorLike) -> tf.Tensor:
        """Returns the distributions."""
        return bonus_softmax(logits, self.bonus)

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "initializer": initializer}
