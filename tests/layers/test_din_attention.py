import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tests.oracles import dice as dice_oracle
from tests.oracles import din as oracle
from tfrs_ext._keras import keras
from tfrs_ext.layers import DINAttention

RNG = np.random.default_rng(0)
QUERY = RNG.normal(size=(4, 3))
CANDIDATES = RNG.normal(size=(4, 6, 3))
KEYS = RNG.normal(size=(4, 5, 3))
MASK = np.arange(5) >= np.array([[0], [3], [5], [1]])


def layers_of(attention):
    rest = [tuple(w.numpy() for w in dense.weights) for dense in attention.denses]
    return [(attention.kernel.numpy(), attention.bias.numpy()), *rest]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"activation": "sigmoid", "use_softmax": True, "scale_scores": True},
        {"activation": keras.layers.PReLU(shared_axes=[1, 2]), "interaction": "outer"},
    ],
)
def test_behaves_as_a_keras_layer(arguments, tmp_path):
    # One query for each row in the first case, many in the others.
    data = [(CANDIDATES if arguments else QUERY).astype(np.float32), KEYS.astype(np.float32)]
    run_layer_test(lambda: DINAttention((4, 2), **arguments), data, tmp_path)


@pytest.mark.parametrize(
    ("interaction", "softmax", "scale"),
    list(itertools.product(["difference", "outer"], [False, True], [False, True])),
)
def test_equals_the_loops(interaction, softmax, scale):
    layer = DINAttention((4, 2), "tanh", interaction, softmax, scale, dtype="float64")
    layer.build([QUERY.shape, KEYS.shape])
    layer.bias.assign([0.1, -0.2, 0.3, 0.4])
    pooled, weights = layer([QUERY, KEYS], mask=tf.constant(MASK), return_scores=True)
    for row in range(4):
        expected = oracle.attention(
            QUERY[row], KEYS[row], MASK[row], layers_of(layer), np.tanh, interaction, softmax, scale
        )
        np.testing.assert_allclose(pooled[row], expected[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(weights[row], expected[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("interaction", ["difference", "outer"])
def test_many_candidates_are_each_treated_alone(interaction):
    layer = DINAttention((4, 2), "tanh", interaction, dtype="float64")
    pooled, weights = layer([CANDIDATES, KEYS], mask=tf.constant(MASK), return_scores=True)
    assert pooled.shape == [4, 6, 3]
    assert weights.shape == [4, 6, 5]
    for c in range(6):
        one = layer([CANDIDATES[:, c], KEYS], mask=tf.constant(MASK))
        np.testing.assert_allclose(pooled[:, c], one, rtol=1e-9)


@pytest.mark.parametrize("candidates", [False, True])
def test_dice_takes_its_statistics_from_kept_steps_only(candidates):
    layer = DINAttention((4,), dtype="float64")
    query = CANDIDATES if candidates else CANDIDATES[:, :1]
    _, weights = layer([query, KEYS], mask=tf.constant(MASK), training=True, return_scores=True)
    (kernel, bias), (out, last) = layers_of(layer)
    hidden = np.zeros([*query.shape[:2], 5, 4])
    for b, c, step in np.ndindex(hidden.shape[:3]):
        seen = oracle.features(query[b, c], KEYS[b, step], "difference")
        hidden[b, c, step] = seen @ kernel + bias
    kept = np.broadcast_to(MASK[:, None], hidden.shape[:3])
    activated = dice_oracle.dice(hidden, 0, mask=kept)
    expected = np.where(kept, (activated @ out + last)[..., 0], 0)
    np.testing.assert_allclose(weights, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("softmax", [False, True])
def test_empty_history_gives_zeros_and_finite_gradients(softmax):
    layer = DINAttention(use_softmax=softmax)
    keys = tf.constant(KEYS[2:3], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(keys)
        pooled = layer([QUERY[2:3], keys], mask=tf.constant(MASK[2:3]), training=True)
    np.testing.assert_array_equal(pooled, np.zeros([1, 3]))
    assert np.isfinite(tape.gradient(pooled, keys)).all()


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_padding_never_counts(dtype):
    layer = DINAttention(use_softmax=True, dtype=dtype)
    other = np.where(MASK[..., None], KEYS, 77.0)
    outputs = [
        layer([QUERY, keys], mask=tf.constant(MASK), training=True) for keys in (KEYS, other)
    ]
    np.testing.assert_array_equal(*outputs)


def test_weights_keep_the_intensity_unless_softmax_is_used():
    # Twice the same history, twice the interest.
    twice = np.concatenate([KEYS, KEYS], 1)
    plain, normalized = (
        DINAttention(activation="tanh"),
        DINAttention(activation="tanh", use_softmax=True),
    )
    np.testing.assert_allclose(plain([QUERY, twice]), 2 * plain([QUERY, KEYS]), rtol=1e-5)
    np.testing.assert_allclose(normalized([QUERY, twice]), normalized([QUERY, KEYS]), rtol=1e-4)


def test_mask_of_an_embedding_arrives_by_itself():
    embed = keras.layers.Embedding(7, 3, mask_zero=True)
    layer = DINAttention((4,), "tanh")
    item, history = keras.Input([], dtype=tf.int32), keras.Input([5], dtype=tf.int32)
    model = keras.Model([item, history], layer([embed(item), embed(history)]))
    items, histories = np.array([1, 2]), np.array([[0, 0, 3, 1, 6], [0, 0, 0, 0, 0]])
    expected = layer([embed(items), embed(histories)], mask=tf.constant(histories > 0))
    np.testing.assert_allclose(model([items, histories]), expected, rtol=1e-6)
    assert np.all(model([items, histories])[1] == 0)


def test_length_and_batch_may_be_unknown():
    layer = DINAttention((4,), "tanh", "outer")
    call = tf.function(
        lambda q, k, m: layer([q, k], mask=m),
        input_signature=[
            tf.TensorSpec([None, 3]),
            tf.TensorSpec([None, None, 3]),
            tf.TensorSpec([None, None], tf.bool),
        ],
    )
    arguments = [tf.constant(v, tf.float32) for v in (QUERY, KEYS)]
    expected = layer(arguments, mask=tf.constant(MASK))
    np.testing.assert_allclose(call(*arguments, MASK), expected, rtol=1e-5)


def test_every_hidden_layer_has_an_activation_of_its_own():
    layer = DINAttention((4, 4), keras.layers.PReLU(shared_axes=[1, 2]))
    layer([QUERY, KEYS])
    alphas = [activation.alpha for activation in layer.activations]
    assert alphas[0] is not alphas[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_units": ()}, "`hidden_units` must be positive"),
        ({"hidden_units": (4, -1)}, "`hidden_units` must be positive"),
        ({"interaction": "sum"}, "`interaction` must be one of"),
    ],
)
def test_rejects_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DINAttention(**arguments)


def test_rejects_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"`inputs` must be a query .*\(4, 2\) and \(4, 5, 3\)"):
        DINAttention()([QUERY[:, :2], KEYS])
    with pytest.raises(ValueError, match="`mask` must have the batch and the length"):
        DINAttention()([QUERY, KEYS], mask=tf.ones([4, 6], tf.bool))
