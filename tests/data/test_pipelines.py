import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.data.tables import frames_of, logs, rows_of, searching
from tests.oracles import interactions as oracle
from tfrs_ext._keras import keras
from tfrs_ext.data import (
    candidates_dataset,
    fit_features,
    leave_one_out,
    sequence_dataset,
    synthetic,
    training_dataset,
)
from tfrs_ext.features import FeatureEncoder


def _columns(dataset):
    batches = list(dataset.as_numpy_iterator())
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _pass(dataset):
    return _columns(dataset)["item_id"].tolist()


@hypothesis.settings(searching, max_examples=10)
@given(logs(), st.integers(1, 6))
def test_histories_hold_what_came_strictly_before(rows, length):
    frames = frames_of(rows)
    features = fit_features(frames, history_length=length)
    columns = _columns(training_dataset(frames, features, 7, shuffle=False))
    ordered = rows_of(frames)
    expected = [oracle.history_before(ordered, i, length, -1) for i in range(len(ordered))]
    np.testing.assert_array_equal(columns["history"], expected)
    np.testing.assert_array_equal(columns["item_id"], [item for _, item, _ in ordered])
    np.testing.assert_array_equal(columns["user_id"], [user for user, _, _ in ordered])


@hypothesis.settings(searching, max_examples=10)
@given(logs(min_size=3, max_users=2), st.integers(1, 6))
def test_held_out_rows_look_back_on_training(rows, length):
    frames = frames_of(rows)
    try:
        split = leave_one_out(frames)
    except ValueError:
        hypothesis.reject()
    features = fit_features(split.train, history_length=length)
    dataset = training_dataset(split.test, features, 7, history=split.train, shuffle=False)
    before, held_out = rows_of(split.train), rows_of(split.test)
    expected = [
        oracle.history_before(before + held_out, len(before) + i, length, -1)
        for i in range(len(held_out))
    ]
    np.testing.assert_array_equal(_columns(dataset)["history"], expected)


def test_string_ids_are_padded_with_the_empty_string():
    frames = frames_of([("u", "a", 1), ("u", "b", 2), ("v", "a", 3)])
    dataset = training_dataset(frames, fit_features(frames, 2), 8, shuffle=False)
    assert _columns(dataset)["history"].tolist() == [[b"", b""], [b"", b"a"], [b"", b""]]


def test_batches_hold_the_features_of_both_sides(shop):
    features = fit_features(shop, history_length=2)
    (batch,) = training_dataset(shop, features, 10, shuffle=False).as_numpy_iterator()
    expected = {
        "user_id": [b"a", b"a", b"a", b"b", b"b", b"c"],
        "city": [b"Oslo", b"Oslo", b"Oslo", b"", b"", b"Riga"],
        "age": [20.0, 20.0, 20.0, 40.0, 40.0, 30.0],
        "history": [[-1, -1], [-1, 10], [10, 20], [-1, -1], [-1, 10], [-1, -1]],
        "item_id": [10, 20, 30, 10, 20, 30],
        "name": [b"Red Tea", b"green tea", b"Red-Hot Chilli's"] * 2,
        "shelf": [1, 2, 1, 1, 2, 1],
        "made": [1577836800, 1609459200, 1577836800, 1577836800, 1609459200, 1577836800],
        "sample_weight": [1.0, 0.5, 2.0, 1.0, 0.0, 1.0],
        "stars": [5.0, 4.0, 3.0, 2.0, 1.0, 5.0],
    }
    expected["name"][5] = b"Red-Hot Chilli's"
    expected["name"][3:5] = [b"Red Tea", b"green tea"]
    assert {name: values.tolist() for name, values in batch.items()} == expected
    dtypes = {name: values.dtype for name, values in batch.items() if values.dtype != object}
    floats = ("age", "sample_weight", "stars")
    assert dtypes == {n: np.float32 if n in floats else np.int64 for n in dtypes}


def test_candidates_are_the_whole_catalogue_in_order(shop):
    columns = _columns(candidates_dataset(shop, fit_features(shop), 3))
    assert columns["item_id"].tolist() == [10, 20, 30, 40]
    assert list(columns) == ["item_id", "name", "shelf", "made"]


@pytest.fixture
def hundred():
    frames = frames_of([(i % 7, i, i) for i in range(100)])
    return frames, fit_features(frames, 3)


def test_epochs_are_permutations_that_differ(hundred):
    dataset = training_dataset(*hundred, 32, seed=1)
    first, second = _pass(dataset), _pass(dataset)
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second
    assert sum(abs(a - b) for a, b in zip(first, range(100), strict=True)) > 2000  # 3333 expected


def test_repeated_epochs_differ_too(hundred):
    epochs = np.reshape(_pass(training_dataset(*hundred, 25, seed=1).repeat(3)), [3, 100])
    assert [sorted(epoch) for epoch in epochs] == [list(range(100))] * 3
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_a_seed_fixes_the_epochs(hundred):
    one, same, other = (training_dataset(*hundred, 32, seed=seed) for seed in (1, 1, 2))
    epochs = [_pass(one), _pass(one)]
    assert epochs == [_pass(same), _pass(same)]
    assert epochs[0] != _pass(other)


def test_keeps_every_column_of_a_shuffled_row_together(hundred):
    columns = _columns(training_dataset(*hundred, 32, seed=1))
    np.testing.assert_array_equal(columns["user_id"], columns["item_id"] % 7)
    last = columns["item_id"] - 7
    np.testing.assert_array_equal(columns["history"][:, -1], np.where(last < 0, -1, last))


def test_knows_the_number_of_batches_and_their_shapes(hundred):
    assert len(training_dataset(*hundred, 32)) == 4
    dataset = training_dataset(*hundred, 32, drop_remainder=True)
    assert len(dataset) == 3 == len(list(dataset))
    assert dataset.element_spec["history"].shape == [32, 3]
    assert training_dataset(*hundred, 32, shuffle=False).element_spec["history"].shape[1] == 3


def test_splits_over_replicas(hundred, two_replicas):
    dataset = training_dataset(*hundred, 32, seed=1)
    distributed = two_replicas.experimental_distribute_dataset(dataset)
    parts = [two_replicas.experimental_local_results(batch["item_id"]) for batch in distributed]
    assert [[len(part) for part in pair] for pair in parts] == [[16, 16]] * 3 + [[2, 2]]
    assert sorted(tf.concat(sum(parts, ()), 0).numpy()) == list(range(100))


def test_feeds_keras(shop):
    features = fit_features(shop, history_length=2)
    encoder = FeatureEncoder([*features.query, *features.candidate], 4)
    model = keras.Sequential([encoder, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    dataset = training_dataset(shop, features, 4, seed=1)
    history = model.fit(dataset.map(lambda batch: (batch, batch["stars"])), epochs=2, verbose=0)
    assert np.all(np.isfinite(history.history["loss"]))


@pytest.mark.parametrize("make", [training_dataset, candidates_dataset])
def test_rejects_empty_batches(make, hundred):
    with pytest.raises(ValueError, match="`batch_size` must be at least 1, received 0"):
        make(*hundred, 0)


def test_no_thread_that_tunes_can_hold_up_the_end_of_an_epoch():
    frames, _ = synthetic(50, 60, 6)
    features = fit_features(frames)
    made = [
        training_dataset(frames, features, 8),
        candidates_dataset(frames, features, 8),
        sequence_dataset(frames, features, 8),
    ]
    assert [batches.options().autotune.enabled for batches in made] == [False] * 3
