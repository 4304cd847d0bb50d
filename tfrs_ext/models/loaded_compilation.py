"""How a loaded model is compiled whose class has a `compile` of its own."""

from tfrs_ext._keras import keras
from tfrs_ext.typing import Config


def compile_as_saved(model: keras.Model, config: Config) -> None:
    """Compiles a loaded model as it was before it was saved; Keras leaves that to such classes.

    Args:
        model: The model.
        config: What Keras kept of `compile`.
    """
    model.compile(**keras.saving.deserialize_keras_object(config))
    if isinstance(model.optimizer, keras.optimizers.Optimizer):  # Legacy ones have no `build`.
        model.optimizer.build(model.trainable_variables)
