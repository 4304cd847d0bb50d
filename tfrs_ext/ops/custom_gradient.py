"""Gradients of one's own, in graphs that are freed with the model that had them."""

import functools
import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops as _ops

_HELD = "_tfrs_ext_gradients"


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `tf.custom_gradient(function)`, whose graphs don't live as long as the process.

    TensorFlow keeps the gradient of each place where such a function stands in a graph in a table
    of the process, and with it all tensors of the graph: a process that trains one model after the
    other grows by each of them. Here the gradient lies in the graph itself, and the table holds
    nothing but a way to it, for as long as the graph lives.

    Args:
        function: What returns results, and a function from their gradients to those of the
            arguments.
    """
    decorated = tf.custom_gradient(function)

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        results = decorated(*arguments)
        if not tf.executing_eagerly():
            _move_into_graph(tf.nest.flatten(results)[0].op)
        return results

    return call


def _move_into_graph(place: tf.Operation) -> None:
    """Moves the gradient that was registered for an operation from the process to its graph."""
    name, graph = place.get_attr("_gradient_op_type").decode(), place.graph
    if not hasattr(graph, _HELD):
        setattr(graph, _HELD, {})
    getattr(graph, _HELD)[name] = _ops.get_gradient_function(place)
    table = _ops.gradient_registry._registry
    table[name]["type"] = functools.partial(_differentiate, weakref.ref(graph), name)
    weakref.finalize(graph, table.pop, name, None)


def _differentiate(
    graph: "weakref.ref[tf.Graph]", name: str, place: tf.Operation | None, *upstream: tf.Tensor
) -> Any:
    return getattr(graph(), _HELD)[name](place, *upstream)
