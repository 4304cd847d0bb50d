"""Keras's methods for models of columns, which may come in a pandas frame."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tfrs_ext._keras import keras
from tfrs_ext.features import array_of_column, arrays_of_frame

_SAMPLE_WEIGHT = "sample_weight"


class FrameInput:
    """Lets `fit`, `evaluate`, `predict` and the methods of one batch take pandas frames.

    Inputs may be a frame, labels and weights its columns, and validation data a tuple of those.
    """

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains the model, as every Keras model is; inputs may be pandas frames."""
        return self._run("fit", args, kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluates the model, as every Keras model is; inputs may be pandas frames."""
        return self._run("evaluate", args, kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predicts, as every Keras model does; inputs may be a pandas frame."""
        return self._run("predict", args, kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Takes one step of training; inputs may be pandas frames."""
        return self._run("train_on_batch", args, kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluates one batch; inputs may be pandas frames."""
        return self._run("test_on_batch", args, kwargs)

    def predict_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Predicts one batch; inputs may be a pandas frame."""
        return self._run("predict_on_batch", args, kwargs)

    def check_labels(self, y: Any) -> None:
        """Raises ValueError where labels can't be learnt from; a subclass says what is wrong.

        Args:
            y: Labels as they came: an array, or a dataset's specification of them.
        """

    def _run(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bound = inspect.signature(getattr(keras.Model, method)).bind(self, *args, **kwargs)
        given = bound.arguments
        if given.get("x") is None:
            raise ValueError(
                "`x` must be a mapping of columns, a frame or a dataset, received None."
            )
        data = (given["x"], given.get("y"), given.get(_SAMPLE_WEIGHT))
        x, y, weights = self._read(*data)
        given.update({"x": x} if y is None else {"x": x, "y": y})
        if _SAMPLE_WEIGHT in given:
            given[_SAMPLE_WEIGHT] = weights
        held_out = given.get("validation_data")
        if isinstance(held_out, (pd.DataFrame, Mapping)):
            held_out = (held_out,)
        if isinstance(held_out, (tuple, list)):
            parts = self._read(*held_out, *(None,) * (3 - len(held_out)))
            given["validation_data"] = parts if parts[2] is not None else parts[:2]
        elif held_out is not None:
            self._read(held_out, None, None)
        return getattr(super(), method)(*bound.args[1:], **bound.kwargs)

    def _read(self, x: Any, y: Any, weights: Any) -> tuple[Any, Any, Any]:
        if isinstance(x, (pd.DataFrame, Mapping)):
            x = arrays_of_frame(x)
        y, weights = _array(y), _array(weights)
        spec = getattr(x, "element_spec", None)
        labels = spec[1] if isinstance(spec, tuple) and len(spec) > 1 else y
        if labels is not None:
            self.check_labels(labels)
        if isinstance(x, dict):
            _check_rows(x, y, weights)
        if y is None and weights is not None and isinstance(x, dict):
            # Keras forgets the weights of inputs without labels.
            return {**x, _SAMPLE_WEIGHT: np.asarray(weights)}, None, None
        return x, y, weights


def _check_rows(columns: dict[str, Any], y: Any, weights: Any) -> None:
    if not columns:
        raise ValueError("`x` must hold columns, received none.")
    parts = {**{f"x[{name!r}]": part for name, part in columns.items()}, "y": y}
    sizes = {
        name: part.shape[0]
        for name, part in {**parts, _SAMPLE_WEIGHT: weights}.items()
        if hasattr(part, "shape") and len(part.shape)
    }
    first, size = next(iter(sizes.items()), ("", 0))
    for name, other in sizes.items():
        if other != size:
            raise ValueError(
                f"`{name}` must have as many rows as `{first}`, {size}, received {other}."
            )


def _array(values: Any) -> Any:
    if isinstance(values, pd.DataFrame):
        arrays = [array_of_column(values[name]) for name in values]
        return np.stack(arrays, axis=1)
    return array_of_column(values) if isinstance(values, pd.Series) else values
