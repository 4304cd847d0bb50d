"""Counts at bounded memory, against a counter; the sample is fair."""

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tfrs_ext.data import Schema, open_parquet, scan_parquet
from tfrs_ext.data.parquet.counts import IdCounts


def drawn(kind, parts=8, size=500):
    rng = np.random.default_rng(0)
    ids = [rng.zipf(1.3, size) % 1000 for _ in range(parts)]
    return [part.astype(str) if kind == "strings" else part for part in ids]


@pytest.mark.parametrize("kind", ["integers", "strings"])
def test_counts_are_those_of_a_counter(kind, monkeypatch):
    monkeypatch.setattr("tfrs_ext.data.parquet.counts._FEW", 50)
    counts = IdCounts()
    for part in drawn(kind):
        counts.add(pa.array(part))
    found = counts.table().to_pydict()
    expected = Counter(np.concatenate(drawn(kind)).tolist())
    assert dict(zip(found["id"], found["n"], strict=True)) == expected
    assert found["n"] == sorted(found["n"], reverse=True)
    assert counts.max_undercount == 0


def test_few_ids_are_kept_and_the_error_is_stated(monkeypatch):
    monkeypatch.setattr("tfrs_ext.data.parquet.counts._FEW", 50)
    counts = IdCounts(max_ids=40)
    for part in drawn("integers"):
        counts.add(pa.array(part))
    found = counts.table().to_pydict()
    expected = Counter(np.concatenate(drawn("integers")).tolist())
    assert len(found["id"]) == 40
    assert 0 < counts.max_undercount < expected.most_common(1)[0][1]
    for item, count in zip(found["id"], found["n"], strict=True):
        assert expected[item] - counts.max_undercount <= count <= expected[item]
    for item, count in expected.items():  # Whoever is left out isn't more frequent than that.
        assert item in found["id"] or count <= counts.max_undercount + min(found["n"])


def test_a_sample_of_the_rows_fits_what_tables_lack(tmp_path):
    hours = np.arange(9_000) % 24
    log = pd.DataFrame({"user_id": hours % 7, "item_id": hours % 5, "hour": hours})
    log.to_parquet(tmp_path / "log.parquet", row_group_size=2_000)
    schema = Schema(timestamp=None, context_features={"hour": "numeric"})
    facts = scan_parquet(open_parquet(tmp_path, schema=schema), sample_rows=2_000)
    (hour,) = facts.features.context
    # Five standard errors of a mean of 2,000 rows.
    assert abs(hour.mean - hours.mean()) < 5 * hours.std() / 2_000**0.5
    assert hour.mean != hours.mean()
    assert facts.times is None
    assert facts.num_rows == 9_000


def test_options_of_ids_reach_their_features(tmp_path):
    log = pd.DataFrame({"user_id": [1, 1, 1, 2], "item_id": list("aabb"), "timestamp": range(4)})
    log.to_parquet(tmp_path / "log.parquet")
    facts = scan_parquet(open_parquet(tmp_path), ids={"min_count": 2, "num_hash_buckets": 3})
    user, item = facts.features.query[0], facts.features.candidate[0]
    assert (user.vocabulary, item.vocabulary) == ((1,), ("a", "b"))
    assert user.num_hash_buckets == item.num_hash_buckets == 3
    for wrong in ({"max_ids": 0}, {"sample_rows": 0}, {"ids": {"min_count": 0}}):
        with pytest.raises(ValueError, match="must be at least 1"):
            scan_parquet(open_parquet(tmp_path), **wrong)
