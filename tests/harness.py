"""One call per kind of object that checks all that Keras users rely on.

`run_layer_test`, `run_loss_test` and `run_metric_test` check configuration through JSON, eager
against graph, one step of training, mixed precision, and saving; a behaviour test adds the rest.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras


def _through_json(instance: Any) -> Any:
    config = json.loads(json.dumps(instance.get_config()))
    clone = type(instance).from_config(config)
    assert json.loads(json.dumps(clone.get_config())) == config
    return clone


def _numpy(value: Any) -> Any:
    return tf.nest.map_structure(lambda t: t.numpy() if hasattr(t, "numpy") else t, value)


def _assert_close(actual: Any, expected: Any, tolerance: float) -> None:
    def compare(a: Any, e: Any) -> None:
        a, e = np.asarray(a), np.asarray(e)
        if a.dtype.kind in "fc":
            np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance)
        else:
            np.testing.assert_array_equal(a, e)

    tf.nest.map_structure(compare, _numpy(actual), _numpy(expected))


def _inputs(data: Any) -> Any:
    def make(value: Any, name: str | None = None) -> Any:
        return keras.Input(shape=value.shape[1:], dtype=value.dtype, name=name)

    if isinstance(data, dict):
        return {name: make(value, name) for name, value in data.items()}
    return tf.nest.map_structure(make, data)


def _first_float(outputs: Any) -> Any:
    return next(t for t in tf.nest.flatten(outputs) if t.dtype.is_floating)


def run_layer_test(
    make: Callable[[], Any],
    data: Any,
    tmp_path: Any,
    *,
    tolerance: float = 1e-5,
    trains: bool = True,
    mixed_precision: bool = True,
) -> None:
    """Checks one Keras layer: config, symbolic, graph, fit, mixed precision, both save formats.

    Args:
        make: Builds the layer under test, without a `dtype` argument.
        data: What the layer is called with: an array, or a list or dict of arrays.
        tmp_path: pytest's folder.
        tolerance: Absolute and relative, for comparisons in float32.
        trains: Whether the layer passes a gradient to a weight of its own.
        mixed_precision: Whether the layer computes in its `compute_dtype`.
    """
    data = tf.nest.map_structure(tf.constant, data)
    inputs = _inputs(data)
    layer = _through_json(make())
    model = keras.Model(inputs, layer(inputs))
    expected = model(data, training=False)
    _assert_close(tf.function(model)(data, training=False), expected, tolerance)

    for name in ("model.keras", "saved_model"):
        path = str(tmp_path / name)
        model.save(path)
        _assert_close(keras.models.load_model(path)(data, training=False), expected, tolerance)

    assert bool(layer.trainable_weights) == trains
    if trains:
        output = keras.layers.Dense(1)(keras.layers.Flatten()(_first_float(model.outputs)))
        trainer = keras.Model(inputs, output)
        trainer.compile("sgd", "mse")
        before = [w.numpy() for w in layer.trainable_weights]
        rows = tf.nest.flatten(data)[0].shape[0]
        trainer.fit(data, np.linspace(-3, 5, rows)[:, None], epochs=2, verbose=0)
        after = [w.numpy() for w in layer.trainable_weights]
        assert any(np.any(b != a) for b, a in zip(before, after, strict=True))
        assert all(np.all(np.isfinite(a)) for a in after)

    if mixed_precision:
        policy = keras.mixed_precision.global_policy()
        keras.mixed_precision.set_global_policy("mixed_float16")
        try:
            half = make()
            outputs = tf.nest.flatten(half(data))
            floats = [t for t in outputs if t.dtype.is_floating]
            assert all(t.dtype in (tf.float16, tf.float32) for t in floats)
            assert all(np.all(np.isfinite(t.numpy())) for t in floats)
            assert all(w.dtype == tf.float32 for w in half.trainable_weights)
        finally:
            keras.mixed_precision.set_global_policy(policy)


def run_loss_test(
    make: Callable[..., Any], labels: Any, scores: Any, tmp_path: Any, *, tolerance: float = 1e-5
) -> None:
    """Checks one loss at the seam `loss(y_true, y_pred, sample_weight)`.

    Args:
        make: Builds the loss; must accept `reduction`.
        labels: `[B, C]` labels.
        scores: `[B, C]` scores.
        tmp_path: pytest's folder.
        tolerance: Absolute and relative.
    """
    labels, scores = tf.constant(labels), tf.constant(scores)
    reductions = keras.losses.Reduction
    rows = make(reduction=reductions.NONE)(labels, scores)
    assert rows.shape == scores.shape[:1]
    _assert_close(make(reduction=reductions.SUM)(labels, scores), tf.reduce_sum(rows), tolerance)
    mean = make(reduction=reductions.SUM_OVER_BATCH_SIZE)(labels, scores)
    _assert_close(mean, tf.reduce_mean(rows), tolerance)
    weights = tf.linspace(0.0, 2.0, scores.shape[0])
    weighted = make(reduction=reductions.SUM)(labels, scores, sample_weight=weights)
    _assert_close(weighted, tf.reduce_sum(rows * weights), tolerance)

    loss = _through_json(make())
    graph = tf.function(lambda y, s: loss(y, s))
    _assert_close(graph(labels, scores), loss(labels, scores), tolerance)

    half = make()(labels, tf.cast(scores, tf.float16))
    assert np.isfinite(half.numpy())

    model = keras.Sequential([keras.layers.Dense(scores.shape[1], input_shape=scores.shape[1:])])
    model.compile("sgd", make())
    model.fit(scores, labels, epochs=1, verbose=0)
    path = str(tmp_path / "model.keras")
    model.save(path)
    again = keras.models.load_model(path)
    expected = model.evaluate(scores, labels, verbose=0)
    _assert_close(again.evaluate(scores, labels, verbose=0), expected, tolerance)


def run_metric_test(
    make: Callable[[], Any], batches: list[tuple[Any, ...]], *, tolerance: float = 1e-6
) -> None:
    """Checks one Keras metric: config, streaming, graph, reset, and state that can be saved.

    Args:
        make: Builds the metric.
        batches: Positional arguments of successive `update_state` calls; arrays that can be
            concatenated along their first axis.
        tolerance: Absolute and relative.
    """
    streamed = _through_json(make())
    for batch in batches:
        streamed.update_state(*batch)
    whole = make()
    whole.update_state(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))
    expected = whole.result()
    _assert_close(streamed.result(), expected, tolerance)

    traced = make()

    @tf.function
    def update(*batch: Any) -> None:
        # Nothing is returned: in a graph, Keras's wrapper answers with an operation.
        traced.update_state(*batch)

    for batch in batches:
        update(*batch)
    _assert_close(traced.result(), expected, tolerance)

    restored = make()
    restored.update_state(*batches[0])
    restored.set_weights(streamed.get_weights())
    _assert_close(restored.result(), expected, tolerance)

    streamed.reset_state()
    streamed.update_state(*batches[0])
    first = make()
    first.update_state(*batches[0])
    _assert_close(streamed.result(), first.result(), tolerance)
