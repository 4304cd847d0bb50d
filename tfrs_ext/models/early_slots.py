"""The optimizer's variables, created before the first step."""

from collections.abc import Callable
from typing import Any

from tfrs_ext._keras import keras

_Random = keras.__internal__.layers.BaseRandomLayer


class EarlySlots(keras.Model):
    """A model whose first step is traced once.

    TensorFlow traces a function twice where the first trace creates variables, and tracing a step
    takes longer than many steps. So the optimizer's variables are created before, if all weights
    exist by then, as they do in models from features.
    """

    def make_train_function(self, force: bool = False) -> Callable[..., Any]:
        """Returns the function that `fit` calls for its steps.

        Args:
            force: Whether a function that was made before is made anew.
        """
        is_current = isinstance(self.optimizer, keras.optimizers.Optimizer)  # Not a legacy one.
        if is_current and self._has_all_weights():
            self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def _has_all_weights(self) -> bool:
        """Returns whether no layer is left that its first call would build."""
        own = self.built or type(self).build is keras.Model.build
        layers = list(self._flatten_layers(include_self=False))
        for layer in layers:
            if not layer.built and type(layer).build is _Random.build:
                layer.build(None)  # Dropout and its like have a generator at most.
        return own and all(x.built or type(x).build is keras.layers.Layer.build for x in layers)
