"""Repairs to keras-tuner 1.4, applied once when the bridge imports it.

Its JSON files are written in place, so a kill in the middle of a write loses the search. It
deep-copies callbacks with everything that they hold, which no `tf.data.Dataset` survives. Where
a hyper-parameter stands under two conditions, the one that isn't met removes the other's value.
What a user fixed is searched all the same where a model declares it under a condition. And it
builds dozens of models to see which hyper-parameters there are.
"""

import contextlib
import copy
import functools
import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.files import replace_file

if TYPE_CHECKING:
    import keras_tuner


def save_json(path: str, value: object) -> str:
    """Stands for keras-tuner's function, and writes the file whole or not at all.

    Args:
        path: The file.
        value: What `json.dumps` accepts.

    Returns:
        The text written.
    """
    text = json.dumps(value)
    with replace_file(path) as part:
        part.write_text(text, encoding="utf-8")
    return text


def copy_callbacks(
    callbacks: Sequence[keras.callbacks.Callback],
) -> list[keras.callbacks.Callback]:
    """Copies callbacks for one trial; datasets and models that they hold are shared.

    Args:
        callbacks: Keras callbacks, as given to `search`.

    Returns:
        Copies whose state is their own.
    """
    held = [part for callback in callbacks for part in tf.nest.flatten(vars(callback))]
    shared = (tf.data.Dataset, keras.Model)
    return copy.deepcopy(
        list(callbacks), {id(part): part for part in held if isinstance(part, shared)}
    )


def ensure_active_values(hp: "keras_tuner.HyperParameters") -> None:
    """Gives active hyper-parameters values, and takes those of the others away.

    Args:
        hp: keras-tuner's `HyperParameters`.
    """
    for parameter in hp.space:
        if hp.is_active(parameter):
            if parameter.name not in hp.values:
                hp.values[parameter.name] = parameter.random_sample()
        elif not hp.is_active(parameter.name):  # Nor under another condition.
            hp.values.pop(parameter.name, None)


def find_unconditional(exists: Callable[..., bool]) -> Callable[..., bool]:
    """Lets a hyper-parameter without conditions stand for those of its name that have some.

    Args:
        exists: The method of keras-tuner's `HyperParameters` that looks for one.
    """

    @functools.wraps(exists)
    def whole(
        hp: "keras_tuner.HyperParameters", name: str, conditions: Sequence[object] | None = None
    ) -> bool:
        return exists(hp, name, conditions) or exists(hp, name, [])

    return whole


def explore(activate: Callable[[Any], None]) -> Callable[[Any], None]:
    """Tells the hypermodel, while hyper-parameters are looked for, that no model is needed.

    Args:
        activate: The method of keras-tuner's tuners that looks for them.
    """

    @functools.wraps(activate)
    def whole(tuner: Any) -> None:
        with exploring(tuner.hypermodel):
            activate(tuner)

    return whole


@contextlib.contextmanager
def exploring(hypermodel: Any) -> Iterator[None]:
    """Tells a hypermodel that its hyper-parameters are wanted within the block, and no model.

    Args:
        hypermodel: keras-tuner's; one that isn't of this package builds its model all the same.
    """
    hypermodel.is_exploring = True
    try:
        yield
    finally:
        hypermodel.is_exploring = False


def repair() -> None:
    """Puts the repairs in place of keras-tuner's functions."""
    utils: Any = importlib.import_module("keras_tuner.src.utils")
    utils.save_json = save_json
    engine: Any = importlib.import_module("keras_tuner.src.engine.hyperparameters")
    engine.HyperParameters.ensure_active_values = ensure_active_values
    engine.HyperParameters._exists = find_unconditional(engine.HyperParameters._exists)
    base: Any = importlib.import_module("keras_tuner.src.engine.base_tuner").BaseTuner
    base._activate_all_conditions = explore(base._activate_all_conditions)
    tuner: Any = importlib.import_module("keras_tuner.src.engine.tuner").Tuner
    tuner._deepcopy_callbacks = lambda self, callbacks: copy_callbacks(callbacks)
