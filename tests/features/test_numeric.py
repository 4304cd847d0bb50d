"""Numbers that must be there, by choice."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_ext import data, models
from tfrs_ext.features import Categorical, Feature, Numeric

REQUIRED = Numeric("age", mean=30.0, std=10.0, required=True)


def test_an_empty_cell_of_a_required_column_is_named_when_the_table_is_read():
    column = pd.Series([20.0, None, 40.0])
    with pytest.raises(ValueError, match=r"'age' must have a number in every row, received nan in"):
        REQUIRED.to_array(column)
    with pytest.raises(ValueError, match="every row"):
        Numeric.fit("age", column, required=True)
    assert Numeric.fit("age", column.dropna(), required=True).required
    np.testing.assert_array_equal(Numeric("age", 30.0).to_array(column), [20, 30, 40])


def test_a_schema_says_which_columns_are_required():
    frames, _ = data.synthetic(20, 20, 5)
    users = frames.users.assign(age=frames.users["age"].where(frames.users.index > 0))
    schema = data.Schema(user_features={"age": {"kind": "numeric", "required": True}})
    part = data.load_frames(frames.interactions, users, frames.items, schema)
    with pytest.raises(ValueError, match="'age' must have a number"):
        data.fit_features(part)


def test_nan_of_a_batch_is_the_mean_or_an_error_in_training_and_at_serving():
    batch = {"user": tf.constant([1]), "age": tf.constant([np.nan])}
    for feature, refuses in ((Numeric("age", mean=30.0), False), (REQUIRED, True)):
        tower = models.Tower([Categorical("user", (1,)), feature], embedding_dim=4)
        call = tf.function(tower)
        if refuses:
            with pytest.raises(tf.errors.InvalidArgumentError, match="required column 'age'"):
                call(batch)
            assert np.isfinite(call({**batch, "age": tf.constant([30.0])})).all()
        else:
            np.testing.assert_allclose(call(batch), call({**batch, "age": tf.constant([30.0])}))


def test_the_choice_is_kept():
    assert Feature.from_config(REQUIRED.get_config()) == REQUIRED
