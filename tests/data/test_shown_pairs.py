import numpy as np
import pytest

from tfrs_ext import data

frames, _ = data.synthetic(40, 30, 7, seed=3)
features = data.fit_features(frames, history_length=5)
asked = data.next_item_queries(frames, features, history_from=frames.select(np.arange(0)))
rng = np.random.default_rng(0)
SHOWN = np.array([rng.permutation(30)[:12] for _ in asked.user_rows])
SHOWN[:, -2:] = -1
SHOWN[0] = -1
POSITIVES = asked.positives.to_tensor()[:, 0].numpy()


def test_pairs_are_the_taken_item_and_others_that_were_shown():
    pairs = data.draw_shown_pairs(asked, SHOWN, 3, seed=1)
    assert isinstance(pairs, data.ShownPairs)
    shown_theirs = [row for row in range(len(SHOWN)) if POSITIVES[row] in SHOWN[row]]
    assert np.unique(pairs.queries).tolist() == shown_theirs
    for row in shown_theirs:
        items, labels = (column[pairs.queries == row] for column in (pairs.items, pairs.labels))
        assert labels.tolist() == [1, 0, 0, 0]
        assert items[0] == POSITIVES[row]
        assert len(set(items)) == 4
        assert set(items) <= set(SHOWN[row]) - {-1}


def test_what_a_user_took_at_any_time_is_no_negative():
    taken = {*zip(frames.user_rows(), frames.item_rows(), strict=True)}
    pairs = data.draw_shown_pairs(asked, SHOWN, 9, known=frames)
    negatives = pairs.labels == 0
    assert negatives.sum() > 100
    users = asked.user_rows[pairs.queries]
    for user, item in zip(users[negatives], pairs.items[negatives], strict=True):
        assert (user, item) not in taken
    untaken = [
        sum((asked.user_rows[row], i) not in taken for i in SHOWN[row] if i >= 0)
        for row in np.unique(pairs.queries)
    ]
    assert np.bincount(pairs.queries[negatives]).sum() == np.minimum(untaken, 9).sum()


def test_where_nothing_is_known_only_the_own_positive_is_no_negative():
    nothing = frames.select(np.arange(0))
    pairs = data.draw_shown_pairs(asked, SHOWN, 3, known=nothing, seed=1)
    alone = data.draw_shown_pairs(asked, SHOWN, 3, seed=1)
    assert pairs.items.tolist() == alone.items.tolist()


def test_batches_hold_the_columns_of_both_sides():
    pairs = data.draw_shown_pairs(asked, SHOWN, 2, seed=4)
    items = data.item_columns(frames, features)
    batches = list(data.shown_dataset(asked, pairs, items, 16, seed=5))
    assert sum(len(labels) for _, labels in batches) == len(pairs.labels)
    ids = frames.items["item_id"].to_numpy()
    found = [
        (user, item, tuple(history), label)
        for columns, labels in batches
        for user, item, history, label in zip(
            columns["user_id"].numpy(),
            columns["item_id"].numpy(),
            columns["history"].numpy(),
            labels.numpy(),
            strict=True,
        )
    ]
    expected = [
        (asked.queries["user_id"][q], ids[i], tuple(asked.queries["history"][q]), label)
        for q, i, label in zip(pairs.queries, pairs.items, pairs.labels, strict=True)
    ]
    assert found != expected  # They are shuffled.
    assert sorted(found) == sorted(expected)
    more = {"number": np.arange(len(pairs.labels))}
    in_order = data.shown_dataset(asked, pairs, items, 16, shuffle=False, more=more)
    (columns, _) = next(iter(in_order))
    assert columns["number"].numpy().tolist() == list(range(16))
    assert columns["user_id"].numpy().tolist() == [row[0] for row in expected[:16]]


def test_nothing_of_the_future_is_in_the_queries_of_training_rows():
    users, items = frames.user_rows(), frames.item_rows()
    ids = frames.items["item_id"].to_numpy()
    for row in range(0, len(users), 17):
        earlier = [ids[items[r]] for r in range(row) if users[r] == users[row]][-5:]
        history = asked.queries["history"][row]
        assert [i for i in history if i != -1] == earlier


@pytest.mark.parametrize(
    ("shown", "negatives", "message"),
    [
        (SHOWN[:3], 1, r"`shown` must be \[Q, M\] with a row for each"),
        (SHOWN, 0, "`num_negatives` must be at least 1"),
        (np.full_like(SHOWN, -1), 1, "must hold some of the queries' positives"),
    ],
)
def test_lists_that_teach_nothing_are_refused(shown, negatives, message):
    with pytest.raises(ValueError, match=message):
        data.draw_shown_pairs(asked, shown, negatives)


def test_whole_lists_stay_together_and_short_ones_are_left_out():
    pairs = data.draw_shown_pairs(asked, SHOWN, 7, known=frames, whole=True)
    assert np.array_equal(SHOWN[pairs.queries, pairs.places], pairs.items)
    long_enough = [
        row
        for row in np.unique(data.draw_shown_pairs(asked, SHOWN, 7, known=frames).queries)
        if (data.draw_shown_pairs(asked, SHOWN, 7, known=frames).queries == row).sum() == 8
    ]
    assert np.unique(pairs.queries).tolist() == long_enough
    items = data.item_columns(frames, features)
    numbers = {"number": np.arange(len(pairs.labels))}
    batches = data.shown_dataset(asked, pairs, items, 20, more=numbers, list_size=8, seed=1)
    lists = [columns["number"].numpy().reshape(-1, 8) for columns, _ in batches]
    assert max(map(len, lists)) == 2
    firsts = np.concatenate(lists)[:, 0]
    assert np.array_equal(np.concatenate(lists), firsts[:, None] + np.arange(8))
    assert firsts.tolist() != sorted(firsts)
    assert sorted(firsts) == list(range(0, len(pairs.labels), 8))
    with pytest.raises(ValueError, match="`list_size` must be the number of pairs"):
        data.shown_dataset(asked, pairs, items, 20, list_size=7)
    with pytest.raises(ValueError, match="ask for fewer by `num_negatives`"):
        data.draw_shown_pairs(asked, SHOWN, 12, whole=True)
