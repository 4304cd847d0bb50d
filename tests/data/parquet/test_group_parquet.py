"""What is grouped has each row once, and each user's in one row group, in order of time."""

import numpy as np
import pandas as pd
import pytest

from tfrs_ext.data import Schema, group_parquet_by_user, open_parquet
from tfrs_ext.data.parquet import grouping


@pytest.mark.parametrize("timestamp", ["timestamp", None])
def test_rows_of_a_user_lie_together_in_order(tmp_path, timestamp):
    rng = np.random.default_rng(0)
    log = pd.DataFrame(
        {"user_id": rng.integers(0, 40, 900), "item_id": range(900),
         "timestamp": rng.integers(0, 50, 900)}
    )  # fmt: skip
    log.to_parquet(tmp_path / "log.parquet", row_group_size=64)
    opened = open_parquet(tmp_path / "log.parquet", schema=Schema(timestamp=timestamp))
    assert not opened.is_grouped_by_user
    grouped = group_parquet_by_user(opened, tmp_path / "out", rows_per_file=250, rows_per_group=50)
    assert grouped.is_grouped_by_user
    assert grouped.num_rows == 900
    parts = [group.read(opened.columns).to_pandas() for group in grouped.row_groups]
    users = [set(part["user_id"]) for part in parts]
    assert sum(map(len, users)) == len(set.union(*users)) == 40
    expected = log if timestamp is None else log.sort_values("timestamp", kind="stable")
    for part in parts:
        for user, rows in part.groupby("user_id"):
            mine = expected[expected["user_id"] == user]
            assert rows["item_id"].tolist() == mine["item_id"].tolist()
    assert all(len(part) >= 50 for part in parts) or len({g.path for g in grouped.row_groups}) > 1


def test_a_folder_with_files_is_refused(tmp_path):
    log = pd.DataFrame({"user_id": [1], "item_id": [1], "timestamp": [1]})
    log.to_parquet(tmp_path / "log.parquet")
    opened = open_parquet(tmp_path)
    with pytest.raises(ValueError, match="`folder` must be empty"):
        group_parquet_by_user(opened, tmp_path)
    with pytest.raises(ValueError, match="`rows_per_group` must be at least 1"):
        group_parquet_by_user(opened, tmp_path / "out", rows_per_group=0)


def test_a_kill_leaves_nothing_that_is_read_as_the_whole(tmp_path, monkeypatch):
    class Killed(BaseException):
        """Ends the call where no handler of ours goes on."""

    def kill_at_second(interactions, path):
        calls.append(path)
        if len(calls) == 2:
            raise Killed
        return sort(interactions, path)

    sort, calls = grouping._sort, []
    log = pd.DataFrame({"user_id": np.arange(90), "item_id": range(90), "timestamp": range(90)})
    log.to_parquet(tmp_path / "log.parquet")
    opened = open_parquet(tmp_path / "log.parquet")
    with monkeypatch.context() as patch:
        patch.setattr(grouping, "_sort", kill_at_second)
        with pytest.raises(Killed):
            group_parquet_by_user(opened, tmp_path / "out", rows_per_file=30)
    assert not (tmp_path / "out").exists()
    assert open_parquet(tmp_path).num_rows == 90  # Hidden folders are no part of one around them.
    assert group_parquet_by_user(opened, tmp_path / "out", rows_per_file=30).num_rows == 90
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.parquet", "out"]
