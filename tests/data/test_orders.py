"""Rows drawn equally often for every user, and rows' ages."""

import collections

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.tables import frames_of, logs, searching
from tfrs_ext.data import fit_features, training_dataset


def columns_of(dataset):
    batches = list(dataset.as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


@hypothesis.settings(searching, max_examples=10)
@given(logs(), st.integers(1, 5), st.integers(1, 7))
def test_every_user_has_as_many_rows_and_no_row_comes_twice_more_than_another(
    rows, rows_per_user, batch_size
):
    frames = frames_of(rows)
    dataset = training_dataset(
        frames, fit_features(frames), batch_size, seed=1, rows_per_user=rows_per_user
    )
    found = columns_of(dataset)
    per_user = collections.Counter(found["user_id"].tolist())
    assert set(per_user.values()) == {rows_per_user}
    assert len(per_user) == frames.interactions["user_id"].nunique()
    sizes = frames.interactions["user_id"].value_counts()
    pairs = zip(found["user_id"].tolist(), found["item_id"].tolist(), strict=True)
    drawn = collections.Counter(pairs)
    held = collections.Counter(
        frames.interactions[["user_id", "item_id"]].itertuples(index=False, name=None)
    )
    for pair, times in held.items():
        low, high = rows_per_user // sizes[pair[0]], -(-rows_per_user // sizes[pair[0]])
        assert low * times <= drawn[pair] <= high * times


def test_epochs_draw_other_rows_and_equal_seeds_the_same():
    frames = frames_of([(user, item, item) for user in range(3) for item in range(20)])
    features = fit_features(frames)
    options = {"batch_size": 4, "rows_per_user": 2}
    one, other = (training_dataset(frames, features, seed=5, **options) for _ in range(2))
    epochs = [columns_of(one)["item_id"].tolist() for _ in range(2)]
    assert epochs[0] != epochs[1]
    assert epochs == [columns_of(other)["item_id"].tolist() for _ in range(2)]
    assert len(list(one)) == one.cardinality().numpy() == 2


def test_the_latest_row_is_new_and_the_earliest_is_old():
    frames = frames_of([(1, 5, 100), (2, 6, 200), (1, 7, 300), (2, 5, 300)])
    options = {"shuffle": False, "example_age": "age"}
    found = columns_of(training_dataset(frames, fit_features(frames), 3, **options))
    np.testing.assert_allclose(found["age"], [1.0, 0.5, 0.0, 0.0])
    assert found["age"].dtype == np.float32


@pytest.mark.parametrize("options", [{"rows_per_user": 0}, {"rows_per_user": 2, "shuffle": False}])
def test_draws_that_cannot_be_are_refused(options):
    frames = frames_of([(1, 5, 100), (2, 6, 200)])
    with pytest.raises(ValueError, match="`rows_per_user` must be at least 1, and goes with"):
        training_dataset(frames, fit_features(frames), 3, **options)
