"""What a graph says about the gradient that comes from above, before it runs."""

import tensorflow as tf

# Operations that write one number many times, and which input the number is.
_REPEATS = {"Tile": 0, "BroadcastTo": 0, "Fill": 1}


def common_value(gradient: tf.Tensor) -> tf.Tensor | None:
    """Returns the scalar that all entries of a gradient are, where a graph says so, else None.

    The gradient of a sum is one number, written many times; that of a mean is divided then.

    Args:
        gradient: `[B]`.
    """
    return None if tf.executing_eagerly() else _find(gradient)


def _find(gradient: tf.Tensor) -> tf.Tensor | None:
    operation = gradient.op
    if operation.type == "Identity":
        return _find(operation.inputs[0])
    if operation.type == "RealDiv" and operation.inputs[1].shape.num_elements() == 1:
        value = _find(operation.inputs[0])
        return None if value is None else value / tf.reshape(operation.inputs[1], [])
    if operation.type not in _REPEATS:
        return None
    value = operation.inputs[_REPEATS[operation.type]]
    return tf.reshape(value, []) if value.shape.num_elements() == 1 else None
