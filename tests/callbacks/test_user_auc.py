"""The AUC within users, as a callback of plain `fit`."""

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.callbacks import UserAUC
from tfrs_ext.metrics import GAUC


def test_the_logs_hold_the_mean_auc_of_the_users_weighted_by_their_rows():
    score = keras.Input([], name="score")
    user = keras.Input([], dtype=tf.int64, name="user")
    model = keras.Model({"score": score, "user": user}, score)
    model.compile("sgd", "mse")
    columns = {
        "score": np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.9, 0.8, 0.7, 0.6], np.float32),
        "user": np.array([1] * 5 + [2] * 4),
    }
    labels = np.array([1, 0, 1, 1, 0, 1, 0, 0, 1], np.float32)
    validation = tf.data.Dataset.from_tensor_slices((columns, labels)).batch(4)
    watch = UserAUC(validation, "user", GAUC())
    model.fit(validation, verbose=0, callbacks=[watch])
    # User 1 has 4 of 6 pairs in order and 5 rows, user 2 has 2 of 4 pairs and 4 rows.
    expected = (5 * 4 / 6 + 4 * 2 / 4) / 9
    np.testing.assert_allclose(model.history.history["val_gauc"], [expected], rtol=1e-6)
