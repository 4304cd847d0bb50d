"""The items of a version, read from its variables without loading it."""

import os
import re
from typing import Any

import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.typing import PathLike

_KEY = re.compile(r"items/_columns/(.+)/\.ATTRIBUTES/VARIABLE_VALUE")


def item_columns(path: PathLike) -> dict[str, npt.NDArray[Any]]:
    """Returns the ids and the fields of a version's items, `{output: [C]}`, texts as bytes.

    They stand in the order of the items' positions. What isn't a version of known items has none.

    Args:
        path: A version's folder.
    """
    variables = tf.train.load_checkpoint(os.path.join(path, "variables", "variables"))
    keys = variables.get_variable_to_shape_map()
    found = {match[1]: key for key in sorted(keys) if (match := _KEY.fullmatch(key))}
    return {name: variables.get_tensor(key) for name, key in found.items()}
