"""What users took, against loops over the rows."""

import collections
import dataclasses

import numpy as np
import pandas as pd

from tfrs_ext import data


def rows_of(frames):
    schema = frames.schema
    return frames.interactions[[schema.user_id, schema.item_id]].itertuples(index=False, name=None)


def test_items_are_counted_most_popular_first():
    frames, _ = data.synthetic(40, 30, 5)
    ids, counts = data.item_counts(frames)
    assert dict(zip(ids, counts, strict=True)) == collections.Counter(i for _, i in rows_of(frames))
    assert counts == sorted(counts, reverse=True)


def test_seen_items_are_in_the_order_of_the_user_table_and_of_time(shop):
    expected = collections.defaultdict(list)
    for user, item in rows_of(shop):
        expected[user].append(item)
    users = shop.users["user_id"].tolist()
    assert data.seen_items(shop) == [expected[user] for user in users]
    assert data.seen_items(shop)[users.index("d")] == []


def test_histories_hold_positions_of_the_same_items(shop):
    ids = shop.items["item_id"].tolist()
    histories = data.item_histories(shop).to_list()
    assert [[ids[place] for place in history] for history in histories] == data.seen_items(shop)


def test_a_fingerprint_changes_with_every_cell_and_with_the_schema(shop):
    assert shop.fingerprint() == dataclasses.replace(shop).fingerprint()
    for table in ("interactions", "users", "items"):
        changed = getattr(shop, table).copy()
        changed.iloc[0, -1] = changed.iloc[1, -1]
        other = dataclasses.replace(shop, **{table: changed})
        assert other.fingerprint() != shop.fingerprint()
    assert shop.select(np.arange(5)).fingerprint() != shop.fingerprint()
    other = dataclasses.replace(shop, schema=dataclasses.replace(shop.schema, weight=None))
    assert other.fingerprint() != shop.fingerprint()


def test_lists_have_a_fingerprint():
    log = pd.DataFrame({"user_id": [1], "item_id": [2], "timestamp": [3], "tags": [["a", "b"]]})
    assert len(data.load_frames(log).fingerprint()) == 64
