import numpy as np
import pytest

from tests.harness import run_layer_test
from tfrs_ext.layers import Maxout

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


@pytest.mark.parametrize("data", [X, X.reshape(3, 2, 4)], ids=["rows", "sequences"])
def test_behaves_as_a_keras_layer(data, tmp_path):
    run_layer_test(lambda: Maxout(3, 2, kernel_regularizer="l2"), data, tmp_path)


def test_takes_the_largest_piece_of_every_unit():
    layer = Maxout(3, 2, bias_initializer="normal")
    actual = layer(X)
    kernel, bias = layer.get_weights()
    for row, outputs in zip(X, actual, strict=True):
        pieces = [row @ kernel[:, i] + bias[i] for i in range(6)]
        expected = [max(pieces[0], pieces[1]), max(pieces[2], pieces[3]), max(*pieces[4:])]
        np.testing.assert_allclose(outputs, expected, rtol=1e-5)


def test_two_pieces_can_be_the_absolute_value():
    layer = Maxout(1, 2)
    layer.build((None, 1))
    layer.set_weights([np.array([[1, -1]]), np.zeros(2)])
    np.testing.assert_array_equal(layer(X[:, :1]), np.abs(X[:, :1]))


@pytest.mark.parametrize("arguments", [(0, 2), (3, 0)])
def test_rejects_sizes_under_one(arguments):
    with pytest.raises(ValueError, match="`units` and `num_pieces` must be at least 1"):
        Maxout(*arguments)
