"""Random numbers of layers that go on where a training was stopped."""

import contextlib
from collections.abc import Iterator

from tfrs_ext._keras import keras

_Layer = keras.__internal__.layers.BaseRandomLayer
_CHILD = "_random_generator"  # The name by which Keras's layers find it in a checkpoint.


@contextlib.contextmanager
def draw_from_variables(model: keras.Model) -> Iterator[None]:
    """Lets Keras's layers draw from generators whose states are variables.

    As they come, Keras's layers (dropout, noise, those of users that extend them) draw by
    operations whose state is hidden in TensorFlow's runtime, where no checkpoint finds it.

    Args:
        model: Its layers are changed for good; layers that are made within the context, such as
            those that others make when they are first called, draw in the same way.
    """
    experimental = keras.backend.experimental
    was_on = experimental.is_tf_random_generator_enabled()
    experimental.enable_tf_random_generator()
    try:
        with model.distribute_strategy.scope():
            changed = [_take_generator(layer) for layer in _random_layers(model)]
            if any(changed):
                # What was traced before draws from what the layers had.
                model.make_train_function(force=True)
        yield
    finally:
        if not was_on:
            experimental.disable_tf_random_generator()


def track_random_states(model: keras.Model) -> None:
    """Makes the states of the layers' generators part of the model's checkpoints.

    Keras leaves them out when it writes a checkpoint, though it takes them when it reads one.

    Args:
        model: The model that is written next.
    """
    for layer in _random_layers(model):
        # Not `_track_trackable`, which passes over what Keras's layers already find by this name.
        layer._maybe_initialize_trackable()
        tracked = layer._unconditional_checkpoint_dependencies
        if all(name != _CHILD for name, _ in tracked):
            tracked.append((_CHILD, getattr(layer, _CHILD)))


def _random_layers(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model._flatten_layers() if isinstance(layer, _Layer)]


def _take_generator(layer: keras.layers.Layer) -> bool:
    """Returns whether the layer has drawn in another way before."""
    numbers = getattr(layer, _CHILD)
    if numbers._rng_type != numbers.RNG_LEGACY_STATEFUL:
        return False
    numbers._rng_type, numbers._built = numbers.RNG_STATEFUL, False
    numbers._maybe_init()
    return True
