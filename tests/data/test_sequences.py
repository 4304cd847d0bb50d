"""Sequences against loops over each user's rows."""

import hypothesis
import numpy as np
import pandas as pd
import pytest

from tests.data.tables import frames_of, logs, rows_of, searching
from tfrs_ext.data import (
    Schema,
    fit_features,
    load_frames,
    sequence_dataset,
    training_dataset,
    user_states,
)


def pairs_of(dataset):
    """Returns (user, items before, item) for every place of every sequence."""
    found = []
    for batch in dataset:
        histories, asked = (batch[name].to_list() for name in ("history", "item_id"))
        for user, history, items in zip(batch["user_id"].numpy(), histories, asked, strict=True):
            for place, item in enumerate(items):
                found.append((int(user), tuple(history[: place + 1]), item))
    return found


def expected_pairs(rows):
    """Returns (user, all items before, item) for every row but the user's first."""
    found = []
    for user in sorted({user for user, _, _ in rows}):
        items = [item for _, (u, item, _) in sorted(enumerate(rows), key=in_time) if u == user]
        found += [(user, tuple(items[:n]), items[n]) for n in range(1, len(items))]
    return found


def in_time(numbered):
    number, (_, _, time) = numbered
    return time, number


def some_user_has_two(rows):
    users = [user for user, _, _ in rows]
    return len(set(users)) < len(users)


@hypothesis.settings(searching, max_examples=6)
@hypothesis.given(logs(min_size=2))
def test_every_event_but_the_first_is_asked_with_all_before_it(rows):
    hypothesis.assume(some_user_has_two(rows))
    frames = frames_of(rows)
    dataset = sequence_dataset(frames, fit_features(frames), 3, seed=1)
    assert sorted(pairs_of(dataset)) == sorted(expected_pairs(rows_of(frames)))


@hypothesis.settings(searching, max_examples=6)
@hypothesis.given(logs(min_size=2, max_users=2))
def test_long_histories_are_cut_and_every_event_is_asked_once(rows):
    hypothesis.assume(some_user_has_two(rows))
    frames = frames_of(rows)
    expected = expected_pairs(rows_of(frames))
    for shuffle in (True, False):
        dataset = sequence_dataset(
            frames, fit_features(frames), 3, max_length=4, shuffle=shuffle, seed=1
        )
        found = pairs_of(dataset)
        assert all(1 <= len(history) <= 4 for _, history, _ in found)
        whole = sorted((user, history, item) for user, history, item in expected)
        for user, history, item in found:
            suffixes = [w for w in whole if w[0] == user and w[2] == item]
            assert any(w[1][-len(history) :] == history for w in suffixes)
        assert sorted((u, i) for u, _, i in found) == sorted((u, i) for u, _, i in expected)


def test_the_latest_events_alone_by_choice():
    frames = frames_of([(1, item, item) for item in range(9)] + [(2, 0, 0), (2, 5, 1)])
    dataset = sequence_dataset(
        frames, fit_features(frames), 2, max_length=3, parts="latest", shuffle=False
    )
    (batch,) = dataset
    assert batch["history"].to_list() == [[5, 6, 7], [0]]
    assert batch["item_id"].to_list() == [[6, 7, 8], [5]]


def test_cuts_move_from_epoch_to_epoch_and_repeat_with_the_seed():
    frames = frames_of([(1, item, item) for item in range(170)])
    features = fit_features(frames)
    first, second = (sequence_dataset(frames, features, 4, max_length=50, seed=3) for _ in "ab")
    epochs = [pairs_of(dataset) for dataset in (first, first, second, second)]
    assert epochs[0] != epochs[1]
    assert epochs[:2] == epochs[2:]
    assert len(epochs[0]) == len(epochs[1]) == 169


def test_times_stand_beside_their_items_wherever_a_history_is_read():
    frames = frames_of([(1, 10 + n, 2_000_000_000 + n * n) for n in range(6)])
    features = fit_features(frames, history_length=4, history_times=True)
    (batch,) = sequence_dataset(frames, features, 9, shuffle=False)
    pairs = zip(
        batch["history"].flat_values.numpy(),
        batch["history_time"].flat_values.numpy(),
        strict=True,
    )
    assert all(time == 2_000_000_000 + (item - 10) ** 2 for item, time in pairs)
    asked = next(iter(training_dataset(frames, features, 6, shuffle=False)))
    state = user_states(frames, features)
    for columns in (asked, state):
        items, times = np.asarray(columns["history"]), np.asarray(columns["history_time"])
        expected = np.where(items < 0, 0, 2_000_000_000 + (items - 10) ** 2)
        np.testing.assert_array_equal(times, expected)


@pytest.mark.parametrize("parts", ["all", "latest"])
def test_every_epoch_has_as_many_batches_because_keras_stops_at_fewer(parts):
    log = [(user, item, item) for user in range(12) for item in range(2 + 7 * user)]
    frames = frames_of(log)
    dataset = sequence_dataset(frames, fit_features(frames), 2, max_length=9, parts=parts, seed=1)
    counts = {sum(1 for _ in dataset) for _ in range(8)}
    assert counts == {int(dataset.cardinality())}


def test_the_longest_sequences_of_a_batch_come_first():
    frames = frames_of([(user, item, item) for user in range(9) for item in range(2 + user % 4)])
    for batch in sequence_dataset(frames, fit_features(frames), 5, seed=1):
        lengths = batch["history"].row_lengths().numpy()
        assert np.all(np.diff(lengths) <= 0)


def test_columns_and_weights_belong_to_the_event_that_is_asked_for(shop):
    dataset = sequence_dataset(shop, fit_features(shop), 2, shuffle=False)
    (batch,) = dataset
    assert batch["user_id"].numpy().tolist() == [b"a", b"b"]
    assert batch["history"].to_list() == [[10, 20], [10]]
    assert batch["item_id"].to_list() == [[20, 30], [20]]
    assert batch["sample_weight"].to_list() == [[0.5, 2.0], [0.0]]
    assert batch["shelf"].to_list() == [[2, 1], [2]]
    assert batch["age"].shape == [2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "`batch_size` and `max_length` must be at least 1"),
        ({"max_length": 0}, "`batch_size` and `max_length` must be at least 1"),
        ({"parts": "some"}, "`parts` must be one of all, latest, received 'some'"),
    ],
)
def test_rejects_bad_arguments(arguments, message, shop):
    with pytest.raises(ValueError, match=message):
        sequence_dataset(shop, fit_features(shop), **{"batch_size": 2, **arguments})


def test_users_with_one_event_alone_are_refused_together():
    log = pd.DataFrame({"user_id": [1, 2], "item_id": [5, 6]})
    frames = load_frames(log, schema=Schema(timestamp=None))
    with pytest.raises(ValueError, match=r"a user with two events or more.*2 events of 2 users"):
        sequence_dataset(frames, fit_features(frames), 2)
    assert np.all(frames.user_rows() == [0, 1])
