"""What a file of interactions seems to hold."""

import pandas as pd
import pytest

from tfrs_ext import data

NAMES = [
    (["user_id", "item_id", "timestamp"], []),
    (["userId", "movieId", "rating", "timestamp"], ["label"]),
    (["User ID", "Product-ID", "created_at", "weight"], ["weight"]),
    (["user_id:token", "item_id:token", "rating:float", "timestamp:float"], ["label"]),
    (["reviewerID", "asin", "overall", "unixReviewTime"], ["label"]),
]


@pytest.mark.parametrize(("names", "others"), NAMES)
def test_columns_are_known_by_the_names_that_people_give_them(names, others):
    table = pd.DataFrame([[i + 1] * len(names) for i in range(5)], columns=names)
    found = data.inspect_interactions(table)
    schema = found.schema
    assert isinstance(found, data.Inspection)
    assert (schema.user_id, schema.item_id) == tuple(names[:2])
    assert schema.timestamp is not None
    assert [name for name in ("label", "weight") if getattr(schema, name)] == others
    assert list(found.columns) == names


def test_a_file_is_counted_and_its_command_names_what_is_not_the_default(tmp_path):
    log = pd.DataFrame({"user_id": [7, 7, 8], "sku": ["007", "8", "8"], "time": [0, 86400, 172800]})
    log["time"] += 1_000_000_000
    log.to_csv(tmp_path / "log.csv", index=False)
    found = data.inspect_interactions(tmp_path / "log.csv")
    assert found.is_loadable
    assert found.facts == {
        "rows": "3", "users": "2", "items": "2", "period": "2001-09-09 to 2001-09-11"
    }  # fmt: skip
    assert found.options() == ["--item-id", "sku", "--timestamp", "time"]


def test_problems_are_said(tmp_path):
    log = pd.DataFrame({"user_id": [1, None], "item_id": [1, 2], "timestamp": [1, 2]})
    found = data.inspect_interactions(log)
    assert not found.is_loadable
    assert "must have an id in every row" in found.problems[0]
    assert "1 missing" in found.columns["user_id"]
    found = data.inspect_interactions(pd.DataFrame({"a": [1], "b": [2]}))
    assert found.schema is None
    assert found.options() == ["--user-id", "COLUMN", "--item-id", "COLUMN"]
