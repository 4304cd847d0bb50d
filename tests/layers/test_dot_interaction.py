import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tests.harness import run_layer_test
from tfrs_ext.layers import DotInteraction

RNG = np.random.default_rng(0)
ROWS = [RNG.normal(size=(6, 4)).astype(np.float32) for _ in range(5)]


@pytest.mark.parametrize("skip_gather", [False, True])
@pytest.mark.parametrize("self_interaction", [False, True])
def test_behaves_as_a_keras_layer_with_the_values_of_tfrs(self_interaction, skip_gather, tmp_path):
    options = {"self_interaction": self_interaction, "skip_gather": skip_gather}
    run_layer_test(lambda: DotInteraction(**options), ROWS, tmp_path, trains=False)
    theirs = tfrs.layers.feature_interaction.DotInteraction(**options)
    np.testing.assert_allclose(DotInteraction(**options)(ROWS), theirs(ROWS), rtol=1e-5)


@pytest.mark.parametrize("self_interaction", [False, True])
def test_equals_the_loops(self_interaction):
    pairs = [(i, j) for i in range(5) for j in range(i + self_interaction)]
    expected = np.stack([np.sum(ROWS[i] * ROWS[j], axis=1) for i, j in pairs], axis=1)
    actual = DotInteraction(self_interaction)(ROWS)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    assert DotInteraction()([tf.zeros([0, 4])] * 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("inputs", "received"),
    [
        (np.ones((3, 4)), r"one tensor of shape \(3, 4\)"),
        ([np.ones((3, 4))], r"shapes \[\(3, 4\)\]"),
        ([np.ones((3, 4)), np.ones((3, 5))], r"shapes \[\(3, 4\), \(3, 5\)\]"),
        ([np.ones((3, 4, 2)), np.ones((3, 4, 2))], r"shapes \[\(3, 4, 2\)"),
    ],
)
def test_rejects_other_inputs(inputs, received):
    with pytest.raises(ValueError, match=f"`inputs` must be a list of two or more .*{received}"):
        DotInteraction()(inputs)
