"""Labels that a ranking model can't learn from, in one line."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

OUTSIDE = (
    "`y` must be labels in [0, 1], because the model predicts probabilities "
    "(`output_activation=None` predicts numbers), received from and to:"
)
_MEND = "Make labels of them, such as `y >= 4`, or by `data.label_by_column`."
_TOLERANCE = 1e-6


def check_label_values(y: Any, is_probability: bool) -> None:
    """Raises ValueError where labels are no numbers, missing, or no probabilities.

    Args:
        y: Labels as Keras takes them, or a dataset's specification of them, of which the type
            alone is known.
        is_probability: Whether labels must lie in [0, 1].
    """
    for labels in tf.nest.flatten(y):
        if isinstance(labels, tf.TypeSpec):
            _check_type(getattr(labels, "dtype", tf.float32) == tf.string, "strings")
        else:
            _check_array(np.asarray(labels), is_probability)


def _check_array(labels: np.ndarray[Any, Any], is_probability: bool) -> None:
    if labels.dtype == object:
        text = [value for value in labels.ravel().tolist() if isinstance(value, (str, bytes))]
        _check_type(bool(text), repr(text[0]) if text else "")
        return
    _check_type(labels.dtype.kind in "USM", repr(labels.ravel()[0].item()) if labels.size else "")
    if labels.dtype.kind != "f" and labels.dtype.kind not in "iu":
        return
    missing = np.flatnonzero(np.isnan(labels.astype(np.float64)))
    if len(missing):
        raise ValueError(
            f"`y` must hold a label for each row, received NaN in {len(missing)} of {labels.size}, "
            f"first in row {missing[0]}. Drop these rows, or train with `tasks.Ranking"
            "(skip_missing_labels=True)`."
        )
    if is_probability and labels.size:
        low, high = labels.min(), labels.max()
        if low < -_TOLERANCE or high > 1 + _TOLERANCE:
            raise ValueError(_say(f"{low:g}", f"{high:g}"))


def _check_type(is_text: bool, received: str) -> None:
    if is_text:
        raise ValueError(
            f"`y` must be labels that are numbers or booleans, received {received}. Say which are "
            'positives, as `y == "buy"` does, or `data.label_by_column`.'
        )


def _say(low: str, high: str) -> str:
    return f"{OUTSIDE.removesuffix(' from and to:')} {low} to {high}. {_MEND}"


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """Raises what a graph found of labels as a ValueError of one line, without its nodes."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        pattern = rf"\[{re.escape(OUTSIDE)}\] \[(\S+)\] \[(\S+)\]"
        found = re.search(pattern, str(error))
        if found is None:
            raise
        raise ValueError(_say(*found.groups())) from None
