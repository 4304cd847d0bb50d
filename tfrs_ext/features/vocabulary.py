"""The known values of a column, from whatever holds them."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfrs_ext.typing import Vocabulary


def as_vocabulary(values: Iterable[object], column: str) -> Vocabulary:
    """Returns known values as integers or as strings.

    Args:
        values: A sequence, an array or a pandas Series of integers, strings or UTF-8 bytes.
        column: The feature's name, for errors.

    Raises:
        ValueError: The values are of another type or of several, or one occurs twice.
    """
    where = f"`vocabulary` of the feature {column!r}"
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ValueError(
            f"{where} must be a sequence of the known values, such as (1, 2) or an array, received "
            f"{values!r}."
        )
    found = tuple(map(_plain, values.tolist() if isinstance(values, np.ndarray) else values))
    kinds = {type(value) for value in found}
    if not kinds <= {int} and not kinds <= {str}:
        wrong = next(
            v for v in found if type(v) is not str and (str in kinds or type(v) is not int)
        )
        raise ValueError(
            f"{where} must hold integers alone or strings alone, received {wrong!r} of type "
            f"{type(wrong).__name__}. Convert all values to one of the two."
        )
    if len(set(found)) < len(found):
        twice, _ = Counter(found).most_common(1)[0]
        raise ValueError(
            f"{where} must hold each value once, received {twice!r} again. Pass the distinct "
            "values, as `pandas.unique` gives them."
        )
    return found


def _plain(value: object) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return value.decode() if isinstance(value, bytes) else value
