"""What a graph says about the gradient that comes from above, before it runs."""

import tensorflow as tf

# Operations that write one number many times, and which input the number is.
_REPEATS = {"Tile": 0, "BroadcastTo": 0, "Fill": 1}


def common_value(gradient: tf.Tensor) -> tf.Tensor | None:
    """Returns the scalar that all entries of a gradient are, where a graph says so, else None.

    The gradient of a sum or mean is one number, written many times.

    Args:
        gradient: `[B]`.
    """
    if tf.executing_eagerly():
        return None
    operation = gradient.op
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    if operation.type not in _REPEATS:
        return None
    value = operation.inputs[_REPEATS[operation.type]]
    return tf.reshape(value, []) if value.shape.num_elements() == 1 else None
