"""What was taken beside what was shown: against the lists and labels themselves."""

import collections

import numpy as np
import pandas as pd
import pytest

from tfrs_ext import data

rng = np.random.default_rng(0)
USERS = np.repeat(np.arange(12), 10)
LOG = pd.DataFrame({"user_id": USERS, "item_id": rng.integers(0, 25, 120)})
LOG["timestamp"] = np.arange(120)
LOG["click"] = (rng.random(120) < 0.3).astype(float)
LISTS = [rng.permutation(30)[: rng.integers(0, 9)].tolist() for _ in range(120)]


def load(table, **schema):
    return data.load_frames(table, schema=data.Schema(**schema))


def rows_of(frames, number, **options):
    """Each batch's rows as (user, item, the shown ids in order)."""
    features = data.fit_features(frames, history_length=3)
    batches = data.impressions_dataset(frames, features, 16, number, **options)
    return [
        (user, item, tuple(shown))
        for batch in batches
        for user, item, shown in zip(
            *(batch[name].numpy() for name in ("user_id", "item_id", "shown_item_id")), strict=True
        )
    ]


def test_beside_a_click_stands_what_its_user_saw_and_never_clicked():
    frames = data.label_by_column(load(LOG), "click")
    clicked, seen = collections.defaultdict(set), collections.defaultdict(set)
    for row in frames.interactions.itertuples():
        (clicked if row.click else seen)[row.user_id].add(row.item_id)
    rows = rows_of(frames, 4, seed=3)
    wanted = frames.interactions[frames.interactions["click"] > 0]
    able = [len(seen[user] - clicked[user]) for user in wanted["user_id"]]
    assert sorted((user, item) for user, item, _ in rows) == sorted(
        pair
        for pair, count in zip(
            zip(wanted["user_id"], wanted["item_id"], strict=True), able, strict=True
        )
        if count
    )
    for user, _, shown in rows:
        unclicked = seen[user] - clicked[user]
        given = [item for item in shown if item >= 0]
        assert len(set(given)) == len(given) == min(4, len(unclicked))
        assert set(given) <= unclicked
        assert list(shown[len(given) :]) == [-1] * (4 - len(given))


def test_a_row_with_a_list_is_beside_the_items_of_its_list_alone():
    log = LOG.assign(shown=LISTS)
    frames = data.with_impressions(load(log, impressions="shown"))
    known = set(frames.items["item_id"])
    wanted = [
        (user, item, {i for i in shown if i in known} - {item})
        for user, item, shown in zip(log["user_id"], log["item_id"], LISTS, strict=True)
    ]
    rows = rows_of(frames, 8, shuffle=False)
    assert [(user, item, set(shown) - {-1}) for user, item, shown in rows] == [
        row for row in wanted if row[2]
    ]


def test_an_item_column_may_have_any_name():
    items = pd.DataFrame({"item_id": np.arange(25), "index": np.arange(25)[::-1]})
    log = LOG.assign(shown=LISTS)
    rows = [
        rows_of(data.with_impressions(frames), 8, shuffle=False)
        for frames in (
            data.load_frames(log, items=table, schema=data.Schema(impressions="shown"))
            for table in (items, items[["item_id"]])
        )
    ]
    assert rows[0] == rows[1]


def test_draws_are_even_and_the_seed_s_own():
    log = pd.DataFrame({"user_id": 1, "item_id": np.arange(400), "timestamp": np.arange(400)})
    log["click"] = (np.arange(400) >= 6).astype(float)
    frames = data.label_by_column(load(log), "click")
    one, again, other = (rows_of(frames, 2, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    counts = collections.Counter(item for _, _, shown in one for item in shown)
    # 394 rows draw 2 of 6: each item 131 times, give or take 4 standard deviations of 9.
    assert set(counts) == set(range(6))
    assert max(abs(count - 394 / 3) for count in counts.values()) < 4 * 9.4


def test_features_stand_beside_the_ids_and_nothing_of_the_future_in_histories():
    frames, _ = data.synthetic(30, 40, 8, seed=2)
    frames = data.with_negatives(frames, 3)
    features = data.fit_features(frames, history_length=50)
    items = frames.items.set_index("item_id")
    rows = frames.interactions[frames.interactions["label"] > 0]
    for batch in data.impressions_dataset(frames, features, 64, 3, shuffle=False):
        assert "label" not in batch
        shown = batch["shown_item_id"].numpy()
        prices = items["price"].loc[shown.ravel()].to_numpy(np.float32).reshape(shown.shape)
        np.testing.assert_array_equal(batch["shown_price"].numpy(), prices)
        times = batch["history_times"].numpy() if "history_times" in batch else None
        assert times is None or (times >= 0).all()
    first = rows.groupby("user_id").head(1)["item_id"].tolist()
    alone = data.impressions_dataset(frames, features, 4096, 3, shuffle=False)
    (batch,) = list(alone)
    begins = (batch["history"].numpy() == -1).all(axis=1)
    assert batch["item_id"].numpy()[begins].tolist() == first


@pytest.mark.parametrize(
    ("make", "number", "message"),
    [
        (lambda: load(LOG), 4, "`frames` must have a label"),
        (lambda: data.label_by_column(load(LOG), "click"), 0, "`num_shown` must be at least 1"),
        (
            lambda: data.with_labels(load(LOG), np.ones(120)),
            4,
            "`frames` must hold items that were shown beside",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(make, number, message):
    with pytest.raises(ValueError, match=message):
        rows_of(make(), number)
