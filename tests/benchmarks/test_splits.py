"""Which data the benchmarks of retrieval read."""

import pandas as pd

from benchmarks import splits


def test_plays_are_read_whole_in_an_order_that_tells_no_favourites(tmp_path):
    users, items = range(8), range(25)
    pairs = [(user, 100 + item, 25 - item) for user in users for item in items]
    plays = pd.DataFrame(pairs, columns=["sourceNodeId", "targetNodeId", "weight"])
    plays.to_parquet(tmp_path / splits.PLAYS)
    split = splits.load(str(tmp_path), "random")
    parts = (split.train, split.validation, split.test)
    tables = [part.interactions[["user_id", "item_id"]] for part in parts]
    assert [len(table) for table in tables] == [160, 20, 20]
    found = set(pd.concat(tables).itertuples(index=False, name=None))
    assert found == {(user, item) for user, item, _ in pairs}
    assert not split.train.interactions["item_id"].is_monotonic_increasing
    assert not split.train.times().any()
    first = split.train.interactions.groupby("user_id")["item_id"].first()
    assert (first != 100).any()  # Everybody's favourite, 100, comes first in the file.
