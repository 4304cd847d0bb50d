import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import adam as oracle
from tests.sweeps import mostly_slow
from tfrs_ext._keras import keras
from tfrs_ext.optimizers import LazyAdam

TABLE = np.random.default_rng(0).normal(size=(6, 2))


def sparse(ids, values, rows=6):
    return tf.IndexedSlices(tf.constant(values), tf.constant(ids), tf.constant([rows, 2]))


def batches(steps=5, size=7, seed=1):
    rng = np.random.default_rng(seed)
    return [(rng.integers(0, 6, size), rng.normal(size=(size, 2))) for _ in range(steps)]


def all_rows(steps=4):
    """Batches with every row in them, some rows twice."""
    rng = np.random.default_rng(2)
    return [(np.arange(8) % 6, rng.normal(size=(8, 2)).astype(np.float32)) for _ in range(steps)]


def ranker(optimizer, seed=3, **compile_arguments):
    keras.utils.set_random_seed(seed)
    ids = keras.Input([2], dtype=tf.int32)
    hidden = keras.layers.Flatten()(keras.layers.Embedding(6, 2)(ids))
    model = keras.Model(ids, keras.layers.Dense(1, dtype="float32")(hidden))
    model.compile(optimizer, "mse", **compile_arguments)
    return model


IDS = np.random.default_rng(4).integers(0, 5, (16, 2))
LABELS = np.random.default_rng(5).normal(size=(16, 1))


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 99),
    size=st.integers(1, 9),
    amsgrad=st.booleans(),
    adaptive=st.booleans(),
    decay=st.sampled_from([None, 0.1]),
)
def test_equals_the_loops(seed, size, amsgrad, adaptive, decay):
    variable = tf.Variable(TABLE)
    optimizer = LazyAdam(
        0.01, epsilon=1e-3, amsgrad=amsgrad, adaptive_epsilon=adaptive, weight_decay=decay
    )
    expected = oracle.LazyAdam(
        TABLE, 0.01, epsilon=1e-3, decay=decay or 0, amsgrad=amsgrad, adaptive_epsilon=adaptive
    )
    step = tf.function(lambda g: optimizer.apply_gradients([(g, variable)]))
    for ids, values in batches(size=size, seed=seed):
        step(sparse(ids, values))
        expected.step(ids, values)
    # The learning rate is a float32 variable.
    np.testing.assert_allclose(variable, expected.table, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("sparse_gradient", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"weight_decay": 0.1, "amsgrad": True},
        {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
        {"clipvalue": 0.1},
        {"learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)},
    ],
)
def test_equals_adam_where_every_row_is_touched(sparse_gradient, arguments):
    tables = []
    for kind in (LazyAdam, keras.optimizers.Adam):
        optimizer, variable = kind(**arguments), tf.Variable(TABLE, dtype=tf.float32)
        for ids, values in all_rows():
            # Clipping differs where an id repeats, on purpose.
            gradient = (
                sparse(ids[:6], values[:6]) if "clipvalue" in arguments else sparse(ids, values)
            )
            gradient = gradient if sparse_gradient else tf.convert_to_tensor(gradient)
            optimizer.apply_gradients([(gradient, variable)])
        optimizer.finalize_variable_values([variable])
        tables.append(variable.numpy())
    np.testing.assert_allclose(*tables, rtol=1e-5, atol=1e-7)
    assert np.abs(tables[0] - TABLE).max() > 1e-4


def test_rows_outside_the_batch_stay_as_they_are():
    optimizer, variable = LazyAdam(weight_decay=0.1), tf.Variable(TABLE)
    optimizer.apply_gradients([(sparse([0, 1], np.ones([2, 2])), variable)])
    before = [w.numpy() for w in (variable, *optimizer.variables[2:])]
    optimizer.apply_gradients([(sparse([4], np.ones([1, 2])), variable)])
    after = [w.numpy() for w in (variable, *optimizer.variables[2:])]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(np.delete(old, 4, 0), np.delete(new, 4, 0))
        assert np.all(old[4] != new[4])


def test_row_first_seen_late_takes_the_documented_step():
    optimizer, variable = LazyAdam(0.01), tf.Variable(TABLE)
    optimizer.build([variable])
    optimizer.iterations.assign(1_000_000)
    optimizer.apply_gradients([(sparse([4], [[2.0, -3.0]]), variable)])
    step = 0.01 * (1 - 0.9) / np.sqrt(1 - 0.999)
    np.testing.assert_allclose(variable[4], TABLE[4] - step * np.array([1, -1]), rtol=1e-5)


@pytest.mark.parametrize("arguments", [{}, {"amsgrad": True}, {"weight_decay": 0.1}])
def test_no_operation_of_a_step_yields_the_whole_table(arguments):
    optimizer, variable = LazyAdam(**arguments), tf.Variable(tf.zeros([977, 2]))
    optimizer.build([variable])
    graph = (
        tf.function(lambda g: optimizer.apply_gradients([(g, variable)]))
        .get_concrete_function(tf.IndexedSlicesSpec([977, 2], indices_shape=[5]))
        .graph
    )
    outputs = [t for op in graph.get_operations() for t in op.outputs]
    assert len(outputs) > 20
    assert not [t.op.name for t in outputs if 977 in t.shape.as_list() and t.dtype.is_floating]


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
def test_duplicates_are_summed_before_their_norm_is_clipped(clip):
    # 3 + (-3) = 0 leaves the other gradient as it was; clipped before, its norm would be 4.4.
    optimizer, variable = LazyAdam(1.0, epsilon=1.0, **{clip: 1.0}), tf.Variable(TABLE)
    other, other_variable = LazyAdam(1.0, epsilon=1.0), tf.Variable(TABLE)
    values = np.array([[3.0, 0], [-3.0, 0], [1.0, 0]])
    optimizer.apply_gradients([(sparse([0, 0, 1], values), variable)])
    other.apply_gradients([(sparse([1], values[2:]), other_variable)])
    np.testing.assert_allclose(variable, other_variable, rtol=1e-9)


def test_weight_decay_spares_what_is_excluded():
    optimizer = LazyAdam(1e-9, weight_decay=1e8)
    variables = [tf.Variable(TABLE, name=name) for name in ("items", "bias")]
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    gradient = sparse([1], [[1.0, 1.0]])
    optimizer.apply_gradients([(gradient, v) for v in variables])
    np.testing.assert_allclose(variables[0][1], 0.9 * TABLE[1], rtol=1e-5)
    np.testing.assert_allclose(variables[0][0], TABLE[0])
    np.testing.assert_allclose(variables[1], TABLE, rtol=1e-6)


def test_dense_gradients_decay_as_under_adam():
    tables = []
    for kind in (LazyAdam, keras.optimizers.Adam):
        optimizer, variable = kind(0.1, weight_decay=0.1), tf.Variable(TABLE)
        optimizer.apply_gradients([(tf.constant(TABLE), variable)] * 1)
        tables.append(variable.numpy())
    np.testing.assert_allclose(*tables)


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_trains_in_fit(steps_per_execution):
    model = ranker(LazyAdam(0.05), steps_per_execution=steps_per_execution)
    history = model.fit(IDS, LABELS, batch_size=4, epochs=10, verbose=0).history["loss"]
    assert history[-1] < 0.9 * history[0]


def test_saved_model_goes_on_training_where_it_was(tmp_path):
    # As `.keras`: no Keras 2 optimizer gets its moments back from a SavedModel.
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    model = ranker(LazyAdam(schedule, amsgrad=True, weight_decay=0.01))
    model.fit(IDS, LABELS, batch_size=4, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is LazyAdam
    for each in (model, again):
        each.fit(IDS, LABELS, batch_size=4, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_checkpoint_of_adam_can_be_continued(tmp_path):
    adam, lazy = ranker(keras.optimizers.Adam(0.1)), ranker(LazyAdam(0.1))
    for model in (adam, lazy):
        model.fit(IDS, LABELS, batch_size=4, shuffle=False, verbose=0)
    tf.train.Checkpoint(model=adam, optimizer=adam.optimizer).write(str(tmp_path / "c"))
    tf.train.Checkpoint(model=lazy, optimizer=lazy.optimizer).read(
        str(tmp_path / "c")
    ).assert_consumed()
    for ours, theirs in zip(lazy.optimizer.variables, adam.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_loss_scaling_and_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = ranker(LazyAdam(0.05))
        history = model.fit(IDS, LABELS, batch_size=4, epochs=10, verbose=0).history["loss"]
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert type(model.optimizer).__name__.startswith("LossScaleOptimizer")
    assert history[-1] < 0.9 * history[0]
    assert model.optimizer.inner_optimizer.variables[2].dtype == tf.float32


REPLICATED = [{}, {"clipnorm": 0.5, "use_ema": True, "weight_decay": 0.1}]


@pytest.mark.parametrize("arguments", mostly_slow(REPLICATED, REPLICATED[1:]))
def test_two_replicas_train_as_one_device(arguments, two_replicas):
    weights = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            model = ranker(LazyAdam(0.05, **arguments))
        data = tf.data.Dataset.from_tensor_slices((IDS, LABELS)).batch(8)
        model.fit(data, epochs=3, verbose=0)
        weights.append(model.get_weights())
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_configuration_survives():
    optimizer = LazyAdam(0.01, 0.8, 0.9, 1e-6, True, True, 0.1, clipnorm=2.0)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is LazyAdam
    assert again.get_config() == optimizer.get_config()
    assert again.adaptive_epsilon
    assert not again.jit_compile
