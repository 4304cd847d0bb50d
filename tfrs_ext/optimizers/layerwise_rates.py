"""One optimizer with another learning rate for each weight."""

from collections.abc import Iterable, Sequence
from typing import Any, Union

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import Config

_Rate = Union[float, keras.optimizers.schedules.LearningRateSchedule]


@keras.saving.register_keras_serializable(package="tfrs_ext")
class LayerwiseRates(keras.optimizers.Optimizer):
    """Trains each weight with a share of the learning rate: `factor · rate`.

    For fine-tuning: what was learnt from much data moves slowly, what is new moves fast, and a
    weight with the factor 0 is frozen: it isn't touched, has no moments, and its gradient isn't
    computed. Weights of one factor have an optimizer of their own, a copy of `optimizer`.

    Args:
        optimizer: Any Keras optimizer or its name; `LazyAdam` among them. Its moments aren't taken
            over.
        factors: One number of 0 or more for each trainable weight, in the order of
            `model.trainable_variables`; `models.layerwise_rates` makes them from the names of
            layers.
        name: The optimizer's name.

    Raises:
        ValueError: A factor is below 0 or isn't finite, all are 0, their number isn't that of the
            trainable weights, or the optimizer has a `global_clipnorm`, which would be the norm of
            the weights of one factor; `clipnorm` is a weight's own.

    Relations:
        `learning_rate` may be set, as `keras.callbacks.ReduceLROnPlateau` does, or follow a
        schedule: all weights go along.

    Example:
        >>> weights = [tf.Variable(1.0), tf.Variable(1.0), tf.Variable(1.0)]
        >>> optimizer = LayerwiseRates(keras.optimizers.SGD(0.5), factors=[1.0, 0.1, 0.0])
        >>> _ = optimizer.apply_gradients([(tf.constant(1.0), weight) for weight in weights])
        >>> [round(float(weight), 3) for weight in weights]
        [0.5, 0.95, 1.0]

    References:
        J. Howard, S. Ruder, 2018. Universal Language Model Fine-tuning for Text Classification.
        ACL, arXiv:1801.06146, section 3.2.
    """

    def __init__(
        self,
        optimizer: Union[keras.optimizers.Optimizer, str],
        factors: Sequence[float],
        name: str = "LayerwiseRates",
    ) -> None:
        super().__init__(name=name, jit_compile=False)
        optimizer = keras.optimizers.get(optimizer)
        self._factors = _check_factors(factors)
        self._class, config = type(optimizer), optimizer.get_config()
        if config.get("global_clipnorm") is not None:
            raise ValueError(
                "`optimizer` must clip by `clipnorm` or not at all, received "
                f"global_clipnorm={config['global_clipnorm']}: each factor has an optimizer of its "
                "own, which would clip by the norm of its own weights."
            )
        rate = config.pop("learning_rate")
        if isinstance(rate, dict):
            rate = keras.optimizers.schedules.deserialize(rate)
        # A list of pairs, since Keras wraps a mapping that is an attribute.
        self._settings = tuple(config.items())
        self._learning_rate = self._build_learning_rate(rate)
        self._rates = sorted({*self._factors} - {0.0})
        self._groups = [self._copy(_Share(self, factor)) for factor in self._rates]

    def _copy(self, rate: _Rate) -> keras.optimizers.Optimizer:
        return self._class.from_config({**dict(self._settings), "learning_rate": rate})

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Creates the moments of the weights that are trained.

        Args:
            var_list: The trainable weights, as many as there are factors.
        """
        if getattr(self, "_built", False):  # As in all Keras optimizers.
            return
        if len(var_list) != len(self._factors):
            raise ValueError(
                f"`factors` must hold one number for each of the {len(var_list)} trainable "
                f"weights, received {len(self._factors)}. `models.layerwise_rates` makes them: "
                "call it once the model is built and its layers' `trainable` is set."
            )
        super().build(var_list)
        self._built = True
        for group, rate in zip(self._groups, self._rates, strict=True):
            group.build(self._of_rate(rate, var_list))

    def _of_rate(self, rate: float, values: Iterable[Any]) -> list[Any]:
        """Returns what belongs to the weights of one factor, in their order."""
        return [v for v, own in zip(values, self._factors, strict=True) if own == rate]

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Any, tf.Variable]],
        name: str | None = None,
        skip_gradients_aggregation: bool = False,
        **kwargs: Any,
    ) -> tf.Tensor:
        """Takes one step, and returns its number.

        Args:
            grads_and_vars: Pairs of a gradient and its weight, one for each factor, in order. A
                gradient of None leaves the weight as it is.
            name: The scope's name.
            skip_gradients_aggregation: Whether gradients are summed over replicas already.
            **kwargs: What Keras passes on.
        """
        pairs = list(grads_and_vars)
        with tf.init_scope():
            self.build([variable for _, variable in pairs])
        self._compute_current_learning_rate()
        for group, rate in zip(self._groups, self._rates, strict=True):
            found = [pair for pair in self._of_rate(rate, pairs) if pair[0] is not None]
            if found:
                group.apply_gradients(found, name, skip_gradients_aggregation, **kwargs)
        return self.iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence[tf.Variable]) -> None:
        """Gives the weights their moving averages, where the optimizer keeps some.

        Args:
            var_list: The trainable weights.
        """
        for group, rate in zip(self._groups, self._rates, strict=True):
            group.finalize_variable_values(self._of_rate(rate, var_list))

    def get_config(self) -> Config:
        """Returns the constructor's arguments, with the learning rate as it is now."""
        rate = self._learning_rate
        is_schedule = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
        now = self._copy(rate if is_schedule else float(rate))
        return {
            "name": self.name,
            "optimizer": keras.saving.serialize_keras_object(now),
            "factors": list(self._factors),
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "LayerwiseRates":
        """Builds the optimizer that `get_config` described."""
        optimizer = keras.saving.deserialize_keras_object(
            config["optimizer"], custom_objects=custom_objects
        )
        return cls(**{**config, "optimizer": optimizer})


class _Share(keras.optimizers.schedules.LearningRateSchedule):
    """The share of another optimizer's learning rate, whatever it is at the moment."""

    def __init__(self, whole: LayerwiseRates, factor: float) -> None:
        self._whole, self._factor = whole, factor

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return self._factor * tf.convert_to_tensor(self._whole.learning_rate)


def _check_factors(factors: Sequence[float]) -> tuple[float, ...]:
    found = tuple(float(factor) for factor in factors)
    if not all(0 <= factor < float("inf") for factor in found) or not any(found):
        raise ValueError(
            "`factors` must be finite numbers of 0 or more, one of them above 0, received "
            f"{list(found)}."
        )
    return found
