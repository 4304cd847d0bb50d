"""How functions of users are traced, which may hold Python's `if` and `for` over tensors."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def as_users_wrote(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function as AutoGraph rewrites it where a graph is traced, and as it is elsewhere.

    AutoGraph passes over this package, which has no control flow over tensors, and so would not
    come to what users plug into it. Keras does the same for the `call` of layers.

    Args:
        function: What a user may have written, such as `compute_loss` of a model.
    """
    autograph = tf.__internal__.autograph
    converted: Callable[..., Any] = autograph.tf_convert(
        function, autograph.control_status_ctx(), convert_by_default=False
    )
    return converted
