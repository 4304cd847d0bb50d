"""What users took, against loops over the rows."""

import collections

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
