import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.data.tables import frames_of, logs, rows_of, searching
from tests.oracles import interactions as oracle
from tfrs_ext.data import (
    EvaluationQueries,
    candidates_dataset,
    evaluation_queries,
    fit_features,
    item_columns,
    join,
    leave_one_out,
    next_item_queries,
    user_states,
)
from tfrs_ext.data.splits import Split


def _halves(rows):
    frames = frames_of(rows)
    half = len(rows) // 2
    numbers = np.arange(len(rows))
    return Split(
        frames.select(numbers[:half]), frames.select(numbers[:0]), frames.select(numbers[half:])
    )


@searching
@given(logs(min_size=2), st.integers(1, 6))
def test_queries_know_the_past_and_seek_the_rest(rows, length):
    split = _halves(rows)
    features = fit_features(split.train, length)
    found = evaluation_queries(split.test, features, history_from=split.train)
    users, items = split.test.users["user_id"], split.test.items["item_id"].to_numpy()
    before, after = rows_of(split.train), rows_of(split.test)
    expected_users = sorted({user for user, _, _ in after})
    assert users.iloc[found.user_rows].tolist() == expected_users
    assert found.queries["user_id"].tolist() == expected_users
    for row, user in enumerate(expected_users):
        past = oracle.latest(before, user, length, -1)
        assert found.queries["history"][row].tolist() == past
        assert items[found.positives[row].numpy()].tolist() == oracle.items_of(after, user)
        assert items[found.seen[row].numpy()].tolist() == oracle.items_of(before, user)
        assert found.cold[row] == (not oracle.items_of(before, user))


@searching
@given(logs(), st.integers(1, 6))
def test_states_cover_the_user_table(rows, length):
    frames = frames_of(rows)
    states = user_states(frames, fit_features(frames, length))
    assert states["user_id"].tolist() == frames.users["user_id"].tolist()
    expected = [oracle.latest(rows_of(frames), u, length, -1) for u in states["user_id"]]
    np.testing.assert_array_equal(states["history"], expected)


def test_states_hold_the_users_features(shop):
    states = user_states(shop, fit_features(shop, history_length=2))
    assert states["city"].tolist() == ["Oslo", "", "Riga", "Bonn"]
    assert states["age"].tolist() == [20.0, 40.0, 30.0, 90.0]
    assert states["history"].tolist() == [[20, 30], [10, 20], [-1, 30], [-1, -1]]


def test_cold_users_are_flagged(shop):
    numbers = np.arange(6)
    train, test = shop.select(numbers[:5]), shop.select(numbers[5:])
    found = evaluation_queries(test, fit_features(train), history_from=train)
    assert found.queries["user_id"].tolist() == ["c"]
    assert found.cold.tolist() == [True]
    assert found.seen.to_list() == [[]]
    assert found.positives.to_list() == [[2]]


def test_with_one_row_a_user_it_asks_what_next_item_queries_asks():
    frames = frames_of([(i % 6, i % 11, i // 4) for i in range(60)])
    split = leave_one_out(frames)
    past = join(split.train, split.validation)
    features = fit_features(split.train, 5)
    by_user, by_row = (
        ask(split.test, features, history_from=past)
        for ask in (evaluation_queries, next_item_queries)
    )
    order = np.argsort(by_row.user_rows)
    assert isinstance(by_user, EvaluationQueries)
    for name, values in by_user.queries.items():
        np.testing.assert_array_equal(values, by_row.queries[name][order])
    assert by_user.positives.to_list() == [by_row.positives.to_list()[row] for row in order]
    assert not by_user.cold.any()
    assert not by_row.cold.any()


def test_item_columns_are_the_batches_of_the_catalogue_in_one(shop):
    features = fit_features(shop)
    columns = item_columns(shop, features)
    batches = list(candidates_dataset(shop, features, 3).as_numpy_iterator())
    assert set(columns) == set(batches[0])
    for name, values in columns.items():
        in_batches = np.concatenate([batch[name] for batch in batches])
        decoded = [v.decode() if isinstance(v, bytes) else v for v in in_batches.tolist()]
        assert values.tolist() == decoded
