import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tfrs_ext._keras import keras
from tfrs_ext.layers import RegularizedEmbedding
from tfrs_ext.optimizers import LazyAdam
from tfrs_ext.regularizers import MiniBatchAwareL2

IDS = np.array([[0, 1, 1], [2, 5, 3], [4, 4, 4], [3, 0, 2], [1, 2, 5], [0, 0, 3]])
COUNTS = np.bincount(IDS.ravel(), minlength=7)
TABLE = np.random.default_rng(1).normal(size=(7, 2)).astype(np.float32)


def test_penalty_is_that_of_the_paper():
    penalty = MiniBatchAwareL2(7, 0.1, COUNTS)(IDS[:2], TABLE)
    expected = 0.0
    for row in set(IDS[:2].ravel().tolist()):
        expected += 0.1 / 2 * np.sum(TABLE[row].astype(np.float64) ** 2) / COUNTS[row]
    np.testing.assert_allclose(penalty, expected, rtol=1e-6)


def test_epoch_of_single_examples_sums_to_the_plain_penalty():
    ids = IDS.ravel()
    regularizer = MiniBatchAwareL2(7, 0.1, COUNTS)
    total = sum(float(regularizer(ids[i : i + 1], TABLE)) for i in range(len(ids)))
    np.testing.assert_allclose(total, 0.05 * np.sum(TABLE[COUNTS > 0] ** 2), rtol=1e-5)


def test_step_of_sgd_takes_the_documented_share_off_the_rows_of_the_batch():
    variable, regularizer = tf.Variable(TABLE), MiniBatchAwareL2(7, 0.1, COUNTS)
    with tf.GradientTape() as tape:
        penalty = regularizer(tf.constant([2, 2, 5]), variable)
    gradient = tape.gradient(penalty, variable)
    assert isinstance(gradient, tf.IndexedSlices)
    assert sorted(gradient.indices.numpy()) == [2, 5]
    keras.optimizers.SGD(0.5).apply_gradients([(gradient, variable)])
    expected = TABLE.copy()
    for row in (2, 5):
        expected[row] -= 0.5 * 0.1 * TABLE[row] / COUNTS[row]
    np.testing.assert_allclose(variable, expected, rtol=1e-6)


def test_counts_come_from_the_data():
    from_array, from_dataset = MiniBatchAwareL2(7), MiniBatchAwareL2(7)
    from_array.adapt(IDS)
    from_dataset.adapt(tf.data.Dataset.from_tensor_slices(IDS).batch(3))
    np.testing.assert_array_equal(from_array.counts, COUNTS)
    np.testing.assert_array_equal(from_dataset.counts, COUNTS)


def test_ids_that_never_occur_have_no_penalty():
    assert MiniBatchAwareL2(7, counts=COUNTS)(tf.constant([6]), TABLE) == 0
    assert MiniBatchAwareL2(7, counts=COUNTS)(tf.zeros([0], tf.int32), TABLE) == 0


def test_embedding_behaves_as_a_keras_layer(tmp_path):
    make = lambda: RegularizedEmbedding(7, 2, MiniBatchAwareL2(7, counts=COUNTS))  # noqa: E731
    run_layer_test(make, IDS, tmp_path)


def test_counts_are_saved_with_the_model(tmp_path):
    layer = RegularizedEmbedding(7, 2, MiniBatchAwareL2(7, counts=COUNTS))
    keras.Sequential([keras.Input([3], dtype=tf.int64), layer]).save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    np.testing.assert_array_equal(again.batch_regularizer.counts, COUNTS)


@pytest.mark.parametrize("mask_zero", [False, True])
def test_embedding_penalises_in_training_and_never_the_padding(mask_zero):
    regularizer = MiniBatchAwareL2(7, 0.1, COUNTS)
    layer = RegularizedEmbedding(7, 2, regularizer, mask_zero=mask_zero)
    layer(IDS)
    assert layer.losses == []
    layer(IDS, training=True)
    kept = IDS[IDS != 0] if mask_zero else IDS
    np.testing.assert_allclose(layer.losses, [regularizer(kept, layer.embeddings)], rtol=1e-6)


def test_gradient_of_a_model_stays_sparse_and_trains():
    layer = RegularizedEmbedding(7, 2, MiniBatchAwareL2(7, 100.0, COUNTS))
    model = keras.Sequential([keras.Input([3], dtype=tf.int64), layer, keras.layers.Flatten()])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(IDS, training=True)) + model.losses[0]
    assert isinstance(tape.gradient(loss, layer.embeddings), tf.IndexedSlices)
    model.compile(LazyAdam(0.01), "mse")
    before = layer.embeddings.numpy()
    model.fit(IDS, np.zeros([6, 6]), epochs=20, verbose=0)
    after = layer.embeddings.numpy()
    assert np.sum(after[:6] ** 2) < np.sum(before[:6] ** 2)
    np.testing.assert_array_equal(after[6], before[6])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MiniBatchAwareL2(7, -1.0), "`l2` must not be negative"),
        (lambda: MiniBatchAwareL2(7, counts=[1, 2]), r"`counts` must be 7 numbers .*\(2,\)"),
        (lambda: MiniBatchAwareL2(2, counts=[1, -2]), "`counts` must be 2 numbers .*smallest -2"),
        (lambda: MiniBatchAwareL2(5).adapt(IDS), r"`ids` must be in \[0, 5\), received 0 to 5"),
        (lambda: RegularizedEmbedding(5, 2, MiniBatchAwareL2(7)), "`batch_regularizer` must be"),
    ],
)
def test_rejects_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
