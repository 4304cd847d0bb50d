"""Events, impressions and the context of rows, from the table to the batch."""

import numpy as np
import pandas as pd
import pytest

from tfrs_ext import data
from tfrs_ext.data import Schema

LOG = pd.DataFrame(
    {
        "user_id": [1, 1, 1, 2, 2],
        "item_id": [5, 7, 7, 5, 9],
        "timestamp": [1, 2, 2, 3, 4],
        "event": ["view", "view", "buy", "cart", None],
        "hour": [8, 9, 9, 20, 21],
        "device": ["app", "web", "web", None, "app"],
        "shown": [[7, 9, 5], "9|11", None, "", [5]],
    }
)
ITEMS = pd.DataFrame({"item_id": [5, 7, 9], "genre": ["a", "b", "a"]})
SCHEMA = Schema(
    event="event",
    impressions="shown",
    context_features={"hour": "numeric", "device": "categorical"},
    item_features={"genre": "categorical"},
)


@pytest.fixture
def frames():
    with pytest.warns(data.DataWarning, match="Left out 1 of 5 interactions without a 'event'"):
        return data.load_frames(LOG, items=ITEMS, schema=SCHEMA)


def test_rows_that_differ_in_their_event_are_two(frames):
    assert frames.interactions["event"].tolist() == ["view", "view", "buy", "cart"]
    assert Schema.from_config(SCHEMA.get_config()) == SCHEMA


def test_events_weigh(frames):
    weighed = data.weigh_events(frames, {"view": 0, "cart": 2, "buy": 5.0})
    assert weighed.interactions["item_id"].tolist() == [7, 5]
    assert weighed.notes[-1] == "Left out 2 of 4 interactions of weight 0."
    features = data.fit_features(weighed)
    batch = next(iter(data.training_dataset(weighed, features, 4, shuffle=False)))
    assert batch["sample_weight"].numpy().tolist() == [5, 2]
    twice = data.weigh_events(weighed, {"cart": 0.5, "buy": 1})
    assert twice.interactions["event_weight"].tolist() == [5, 1]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"view": 1, "buy": 2}, r"received none for \['cart'\]\. Give 0"),
        ({"view": -1, "buy": 2, "cart": 1}, "must not be negative, received {'view': -1}"),
        ({"view": 0, "buy": 0, "cart": 0}, "must leave rows"),
    ],
)
def test_weights_that_cannot_be_are_refused(frames, weights, message):
    with pytest.raises(ValueError, match=message):
        data.weigh_events(frames, weights)


def test_what_was_shown_and_not_taken_is_a_negative_of_the_same_moment(frames):
    rows = data.with_impressions(frames).interactions
    found = rows[["user_id", "item_id", "hour", "label"]].to_numpy().tolist()
    assert found == [
        [1, 7, 8, 0],
        [1, 9, 8, 0],
        [1, 5, 8, 1],
        [1, 9, 9, 0],  # Item 11 isn't in the table.
        [1, 7, 9, 1],
        [1, 7, 9, 1],
        [2, 5, 20, 1],
    ]


def test_histories_hold_what_was_taken_and_not_what_was_shown(frames):
    labelled = data.with_impressions(frames)
    features = data.fit_features(frames, 2, history_of=("genre",))
    columns, label = next(iter(data.ranking_dataset(labelled, features, 9, shuffle=False)))
    assert label.numpy().tolist() == [0, 0, 1, 0, 1, 1, 1]
    history = [[-1, -1]] * 3 + [[-1, 5]] * 2 + [[5, 7]] + [[-1, -1]]
    assert columns["history"].numpy().tolist() == history
    genre = {-1: b"", 5: b"a", 7: b"b", 9: b"a"}
    expected = [[genre[item] for item in row] for row in history]
    assert columns["history_genre"].numpy().tolist() == expected
    assert columns["device"].numpy().tolist() == [b"app"] * 3 + [b"web"] * 3 + [b""]
    np.testing.assert_array_equal(columns["hour"], [8, 8, 8, 9, 9, 9, 20])
    assert data.FeatureSet.from_config(features.get_config()) == features
    states = data.user_states(frames, features)
    assert states["history_genre"].tolist() == [[b"b", b"b"], [b"", b"a"]]


def test_queries_hold_the_context_of_their_rows(frames):
    features = data.fit_features(frames)
    queries = data.evaluation_queries(frames, features, history_from=frames).queries
    assert queries["hour"].tolist() == [8, 20]
    each = data.next_item_queries(frames, features, history_from=frames.select(np.arange(0)))
    assert each.queries["device"].tolist() == ["app", "web", "web", ""]
    assert data.context_columns(frames, features)["hour"].tolist() == [8, 9, 9, 20]


def test_drawn_negatives_keep_the_context():
    log = LOG.assign(item_id=[5, 5, 5, 7, 7], timestamp=range(5))
    schema = Schema(context_features={"hour": "numeric"})
    rows = data.with_negatives(data.load_frames(log, schema=schema)).interactions
    assert rows["hour"].tolist() == [hour for hour in LOG["hour"] for _ in "ab"]


def test_items_that_were_only_shown_are_items():
    frames = data.load_frames(LOG[:2], schema=Schema(impressions="shown"))
    assert frames.items["item_id"].tolist() == [5, 7, 9, 11]
    with pytest.raises(ValueError, match=r"'shown'\] must hold lists of item ids, which are int"):
        data.load_frames(LOG[:2].assign(shown="a b"), schema=Schema(impressions="shown"))
    with pytest.raises(ValueError, match="received a schema without one"):
        data.with_impressions(data.load_frames(LOG[:2]))


def test_rare_ids_and_a_share_of_all_may_be_unknown():
    log = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 7, 5], "timestamp": [1, 2, 3]})
    options = {"min_count": 2, "num_hash_buckets": 3, "unknown_rate": 0.1}
    features = data.fit_features(data.load_frames(log), ids=options)
    user, item = features.query[0], features.candidate[0]
    assert (user.vocabulary, item.vocabulary) == ((1,), (5,))
    assert (item.num_hash_buckets, item.unknown_rate) == (3, 0.1)
    assert features.history.vocabulary == (5,)


def test_rows_in_the_order_of_items_have_no_last_row():
    pairs = [(user, item) for user in range(12) for item in range(4)]
    log = pd.DataFrame(pairs, columns=["user_id", "item_id"])
    schema = Schema(timestamp=None)
    with pytest.raises(ValueError, match="stand in the order of their ids"):
        data.leave_one_out(data.load_frames(log, schema=schema))
    shuffled = log.sample(frac=1, random_state=0)
    assert len(data.leave_one_out(data.load_frames(shuffled, schema=schema)).test.interactions)
