"""The recurrent layers of DIEN."""

import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tests.oracles import dien as oracle
from tests.sweeps import mostly_slow
from tfrs_ext._keras import keras
from tfrs_ext.layers import AUGRU, AGRUCell, AIGRUCell, AUGRUCell, InterestExtractor

RNG = np.random.default_rng(0)
SEQUENCE = RNG.normal(size=(4, 5, 3))
NEGATIVES = RNG.normal(size=(4, 5, 3))
SCORES = RNG.uniform(size=(4, 5))
LEFT = np.arange(5) >= np.array([[0], [3], [5], [1]])
GAPS = np.array([[1, 0, 1, 0, 1]] * 4, bool)
CELLS = {"AUGRU": AUGRUCell, "AGRU": AGRUCell, "AIGRU": AIGRUCell}
VARIANTS = list(CELLS)


def gates_of(cell, variant):
    """Weights by the paper's names; Keras's gate z keeps, so it is 1 - u: its weights negate."""
    names = ["r", "h"] if variant == "AGRU" else ["z", "r", "h"]
    weights = [w.numpy() for w in (cell.kernel, cell.recurrent_kernel, *cell.bias)]
    split = [np.split(w, len(names), axis=-1) for w in weights]
    gates = {name: [part[i] for part in split] for i, name in enumerate(names)}
    if "z" in gates:
        gates["u"] = [-w for w in gates.pop("z")]
    return gates


@pytest.mark.parametrize("variant", mostly_slow(VARIANTS, ["AUGRU"]))
def test_behaves_as_a_keras_layer(variant, tmp_path):
    data = [SEQUENCE.astype(np.float32), SCORES.astype(np.float32)]
    run_layer_test(lambda: AUGRU(4, variant), data, tmp_path)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("mask", [LEFT, LEFT[:, ::-1], GAPS], ids=["left", "right", "gaps"])
def test_equals_the_loops_and_copies_the_state_over_padding(variant, mask):
    layer = AUGRU(4, variant, True, bias_initializer="normal", dtype="float64")
    actual = layer([SEQUENCE, SCORES], mask=tf.constant(mask))
    weights = gates_of(layer.cell, variant)
    for row in range(4):
        expected = oracle.run(variant, SEQUENCE[row], SCORES[row], mask[row], weights, 4)
        np.testing.assert_allclose(actual[row], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("variant", ["AUGRU", "AGRU"])
def test_score_of_zero_keeps_the_state(variant):
    cell = CELLS[variant](4)
    state = tf.random.normal([4, 4])
    after, _ = cell((tf.constant(SEQUENCE[:, 0]), tf.zeros([4, 1])), [state])
    np.testing.assert_array_equal(after, state)


@pytest.mark.parametrize("variant", ["AUGRU", "AIGRU"])
def test_score_of_one_is_a_plain_gru(variant):
    layer, gru = (
        AUGRU(4, variant, True, dtype="float64"),
        keras.layers.GRU(4, return_sequences=True, dtype="float64"),
    )
    actual = layer([SEQUENCE, np.ones_like(SCORES)], mask=tf.constant(LEFT))
    gru.build(SEQUENCE.shape)
    gru.set_weights(layer.get_weights())
    expected = gru(SEQUENCE, mask=tf.constant(LEFT))
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_zero_input_and_score_of_zero_differ_between_variants():
    # What the paper holds against AIGRU: irrelevant behaviours still move the state.
    state = [tf.ones([4, 4])]
    inputs = (tf.constant(SEQUENCE[:, 0]), tf.zeros([4, 1]))
    moved, _ = AIGRUCell(4)(inputs, state)
    assert np.abs(moved - state[0]).max() > 0.01


@pytest.mark.parametrize("variant", VARIANTS)
def test_cell_runs_in_keras_rnn(variant):
    layer, rnn = AUGRU(4, variant), keras.layers.RNN(CELLS[variant](4))
    expected = layer([SEQUENCE, SCORES], mask=tf.constant(LEFT))
    pair = (tf.constant(SEQUENCE, tf.float32), tf.constant(SCORES[..., None], tf.float32))
    rnn(pair)
    rnn.set_weights(layer.get_weights())
    np.testing.assert_allclose(rnn(pair, mask=tf.constant(LEFT)), expected, rtol=1e-6)
    clone = CELLS[variant].from_config(rnn.cell.get_config())
    assert clone.get_config() == rnn.cell.get_config()


def test_last_state_ignores_what_padding_holds():
    layer = AUGRU(4)
    spoilt = np.where(LEFT[..., None], SEQUENCE, 99.0)
    outputs = [layer([s, SCORES], mask=tf.constant(LEFT)) for s in (SEQUENCE, spoilt)]
    np.testing.assert_array_equal(*outputs)
    np.testing.assert_array_equal(outputs[0][2], np.zeros(4))


@pytest.mark.slow
def test_gradient_equals_finite_differences():
    layer = AUGRU(3, dtype="float64")
    function = lambda s, a: layer([s, a], mask=tf.constant(LEFT))  # noqa: E731
    arguments = [tf.constant(SEQUENCE), tf.constant(SCORES)]
    for theoretical, numerical in zip(*tf.test.compute_gradient(function, arguments), strict=True):
        np.testing.assert_allclose(theoretical, numerical, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("auxiliary", [None, (4, 3)])
def test_extractor_behaves_as_a_keras_layer(auxiliary, tmp_path):
    data = [SEQUENCE.astype(np.float32), NEGATIVES.astype(np.float32)]
    run_layer_test(lambda: InterestExtractor(3, auxiliary), data, tmp_path)


def test_extractor_needs_no_negatives_at_inference():
    layer = InterestExtractor(3)
    alone = layer(SEQUENCE)
    assert layer.losses == []
    np.testing.assert_array_equal(layer([SEQUENCE, NEGATIVES]), alone)


@pytest.mark.slow
def test_extractor_behaves_as_a_keras_layer_without_negatives(tmp_path):
    run_layer_test(lambda: InterestExtractor(4), SEQUENCE.astype(np.float32), tmp_path)


@pytest.mark.parametrize(("auxiliary", "reduction"), [(None, "paper"), ((4,), "authors")])
@pytest.mark.parametrize("mask", [LEFT, GAPS, np.ones([4, 5], bool)])
def test_auxiliary_loss_equals_the_loops(auxiliary, reduction, mask):
    options = {"auxiliary_weight": 0.5, "auxiliary_reduction": reduction}
    layer = InterestExtractor(3, auxiliary, dtype="float64", **options)
    states = layer([SEQUENCE, NEGATIVES], mask=tf.constant(mask))

    def score(h, e):
        if auxiliary is None:
            return h @ e
        (w, b), (v, c) = ([x.numpy() for x in dense.weights] for dense in layer.scorer)
        return (oracle.sigmoid(np.concatenate([h, e]) @ w + b) @ v + c).item()

    expected = oracle.auxiliary_loss(states.numpy(), SEQUENCE, NEGATIVES, mask, score, reduction)
    np.testing.assert_allclose(layer.losses, [0.5 * expected], rtol=1e-5)


def test_the_auxiliary_loss_is_the_papers_unless_asked_otherwise():
    # Two rows of the data, of which one has no step to learn from, count as two in the mean.
    mask, layer = np.array([[True] * 3, [False] * 3]), InterestExtractor(2)
    zeros = np.zeros([2, 3, 2])
    layer([zeros, zeros], mask=mask)
    np.testing.assert_allclose(layer.losses, [2 * 2 * np.log(2) / 2], rtol=1e-6)
    assert layer.get_config()["auxiliary_reduction"] == "paper"


def test_auxiliary_loss_reaches_fit():
    items, negatives = keras.Input([5, 3]), keras.Input([5, 3])
    states = InterestExtractor(3)([items, negatives])
    model = keras.Model([items, negatives], keras.layers.Dense(1)(states[:, -1]))
    model.compile("adam", "mse")
    data = [SEQUENCE, NEGATIVES]
    plain = np.mean(np.square(model.predict(data, verbose=0)))
    losses = model.evaluate(data, np.zeros([4, 1]), verbose=0)
    model([tf.constant(value, tf.float32) for value in data])
    np.testing.assert_allclose([losses - plain], model.losses, rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AUGRU(4, "GRU"), "`variant` must be one of"),
        (lambda: AGRUCell(0), "`units` must be at least 1"),
        (lambda: AUGRU(4)([SEQUENCE, SCORES[:, 1:]]), "`inputs` must be a sequence"),
        (lambda: AUGRU(4)([SEQUENCE, SCORES], mask=tf.ones([4, 6], tf.bool)), "`mask` must have"),
        (lambda: InterestExtractor(4, auxiliary_weight=-1), "`auxiliary_weight` must not be"),
        (lambda: InterestExtractor(4, auxiliary_reduction="sum"), "`auxiliary_reduction` must be"),
        (lambda: InterestExtractor(4)([SEQUENCE, NEGATIVES]), "`units` must be the width"),
        (lambda: InterestExtractor(4)([SEQUENCE, NEGATIVES[:, 1:]]), "`inputs` must be behav"),
    ],
)
def test_rejects_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
