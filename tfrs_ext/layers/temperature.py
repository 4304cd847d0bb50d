"""A temperature that is fixed, or follows a schedule."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.scale import Scale, check_temperature
from tfrs_ext.ops.checks import all_true


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Temperature(Scale):
    """Divides scores by a temperature: `s / t`, with t a number or a function of the step.

    A low temperature makes the softmax look at the hardest negatives alone, a high one at all
    alike; cosines want about 0.05. A schedule may start warm, and cool as the model learns.

    Args:
        temperature: A number > 0, or any Keras `LearningRateSchedule` of the training step.

    Call arguments:
        scores: Floating point of any shape; None asks for the scale itself.
        training: Whether the step of a schedule advances, after it was used. Call it once in a
            training step.

    Returns:
        `scores / t` float32; or `1 / t`, a float32 scalar, where `scores` is None.

    Raises:
        ValueError: Where `temperature` isn't > 0, for a schedule at step 0.
        InvalidArgumentError: Where the schedule falls to 0 or below later.

    The step is saved with the model. `LearnableTemperature` learns t instead. Serve raw scores:
    the order is the same.

    Example:
        >>> cooling = keras.optimizers.schedules.PolynomialDecay(0.5, 1000, 0.05)
        >>> temperature = tfrs_ext.layers.Temperature(cooling)
        >>> float(temperature(training=True))
        2.0

    References:
        Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item
        Recommendations", RecSys 2019.
    """

    def __init__(self, temperature: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._is_schedule = callable(temperature)
        if self._is_schedule:
            with tf.init_scope():
                check_temperature("temperature", float(temperature(0)))
            self.step = self.add_weight(
                name="step",
                shape=(),
                dtype=tf.int64,
                initializer="zeros",
                trainable=False,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )
        else:
            temperature = check_temperature("temperature", temperature)
        self.temperature = temperature

    def scale(self, training: bool | None = None) -> tf.Tensor:
        """Returns `1 / temperature`, a float32 scalar."""
        if not self._is_schedule:
            return tf.constant(1.0 / self.temperature)
        step = self.step.read_value()
        if training:
            with tf.control_dependencies([step]):
                self.step.assign_add(1)
        temperature = tf.cast(self.temperature(step), tf.float32)
        message = "`temperature` must be > 0 at every step of its schedule."
        with tf.control_dependencies([all_true(temperature > 0, message, temperature)]):
            return 1.0 / temperature

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        temperature = self.temperature
        if self._is_schedule:
            temperature = keras.optimizers.schedules.serialize(temperature)
        return {**super().get_config(), "temperature": temperature}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Temperature":
        """Builds the layer that `get_config` described."""
        temperature = config["temperature"]
        if isinstance(temperature, dict):
            temperature = keras.optimizers.schedules.deserialize(temperature)
        return cls(**{**config, "temperature": temperature})
