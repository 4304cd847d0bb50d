"""A temperature that is learned with the model."""

import math
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.scale import Scale, check_temperature


@keras.saving.register_keras_serializable(package="tfrs_ext")
class LearnableTemperature(Scale):
    """Divides scores by a temperature that is learned: `s · exp(w)`, `w = log(1 / t)`.

    After every step w is clipped, as in CLIP, so that t stays in `[minimum, maximum]`: without
    it the training runs towards ever harder negatives.

    Args:
        initial: The temperature at the start.
        minimum: The least temperature, > 0; 0.01 is CLIP's greatest scale, 100.
        maximum: The greatest temperature.

    Call arguments:
        scores: Floating point of any shape; None asks for the scale itself.

    Returns:
        `scores / t` float32; or `1 / t`, a float32 scalar, where `scores` is None.

    Raises:
        ValueError: Where not `0 < minimum <= initial <= maximum`.

    The clip is a Keras constraint, so the optimizer must be Keras's. `Temperature` is fixed, or
    follows a schedule.

    Example:
        >>> temperature = tfrs_ext.layers.LearnableTemperature(initial=0.25)
        >>> float(temperature())
        4.0

    References:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
        ICML 2021.
    """

    def __init__(
        self,
        initial: float = 0.07,
        minimum: float = 0.01,
        maximum: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.initial = check_temperature("initial", initial)
        self.minimum = check_temperature("minimum", minimum)
        self.maximum = check_temperature("maximum", maximum)
        if not minimum <= initial <= maximum:
            raise ValueError(
                "`initial` must be between `minimum` and `maximum`, received "
                f"initial={initial}, minimum={minimum}, maximum={maximum}."
            )
        self.log_scale = self.add_weight(
            name="log_scale",
            shape=(),
            initializer=keras.initializers.Constant(-math.log(initial)),
            constraint=self._clip,
            experimental_autocast=False,
        )

    def _clip(self, log_scale: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(log_scale, -math.log(self.maximum), -math.log(self.minimum))

    def scale(self, training: bool | None = None) -> tf.Tensor:
        """Returns `1 / temperature`, a float32 scalar."""
        return tf.exp(self.log_scale)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "initial": self.initial,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }
