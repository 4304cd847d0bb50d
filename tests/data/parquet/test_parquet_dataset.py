"""Batches from files hold what batches from frames hold, whatever the pieces."""

import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from tfrs_ext import data
from tfrs_ext.data import (
    Schema,
    group_parquet_by_user,
    load_frames,
    open_parquet,
    parquet_dataset,
    scan_parquet,
    training_dataset,
)
from tfrs_ext.data.parquet.order import pieces_of, shard_size, windows_of

SCHEMA = Schema(
    weight="weight",
    label="stars",
    user_features={"city": "categorical", "age": "numeric"},
    item_features={"name": "text", "made": "timestamp"},
    context_features={"device": "categorical", "hour": "numeric"},
)
USERS, ITEMS, ROWS = 23, 17, 200


@pytest.fixture(scope="module")
def tables():
    """A log with distinct rows and many equal times, and its users and items."""
    rng = np.random.default_rng(3)
    log = pd.DataFrame(
        {
            "user_id": rng.integers(0, USERS, ROWS).astype(str),
            "item_id": rng.integers(0, ITEMS, ROWS),
            "timestamp": 1_000 + rng.integers(0, 90, ROWS),
            "weight": rng.random(ROWS).round(3),
            "stars": rng.integers(1, 6, ROWS),
            "device": rng.choice(["phone", "desk", None], ROWS),
            "hour": rng.integers(0, 24, ROWS),
        }
    ).drop_duplicates(["user_id", "item_id", "timestamp"])
    log = log.sort_values("timestamp", kind="stable")
    users = pd.DataFrame(
        {
            "user_id": np.arange(USERS).astype(str),
            "city": rng.choice(["Oslo", "Riga", None], USERS),
            "age": rng.integers(18, 80, USERS),
        }
    )
    items = pd.DataFrame(
        {
            "item_id": range(ITEMS),
            "name": [f"red tea {i % 5}" for i in range(ITEMS)],
            "made": rng.integers(1, 999, ITEMS),
        }
    )
    return log, users, items


@pytest.fixture(scope="module")
def folder(tables, tmp_path_factory):
    """The log in three files of row groups of 30."""
    folder = tmp_path_factory.mktemp("log")
    for number, part in enumerate(np.array_split(np.arange(len(tables[0])), 3)):
        tables[0].iloc[part].to_parquet(folder / f"{number}.parquet", row_group_size=40)
    return folder


@pytest.fixture(scope="module")
def grouped(folder, tables, tmp_path_factory):
    opened = open_parquet(folder, *tables[1:], SCHEMA)
    target = tmp_path_factory.mktemp("grouped")
    return group_parquet_by_user(opened, target, rows_per_file=110, rows_per_group=30)


def rows_of(dataset):
    """The rows of all batches, as sorted tuples."""
    batches = list(dataset.as_numpy_iterator())
    columns = {n: np.concatenate([batch[n] for batch in batches]) for n in sorted(batches[0])}
    return sorted(zip(*(values.tolist() for values in columns.values()), strict=True), key=repr)


def test_features_and_batches_are_those_of_frames_in_memory(grouped, tables):
    facts = scan_parquet(grouped, history_length=6)
    frames = load_frames(*tables, SCHEMA)
    assert facts.features == data.fit_features(frames, history_length=6)
    ids, counts = data.item_counts(frames)
    assert dict(zip(facts.item_ids, facts.item_counts, strict=True)) == dict(
        zip(ids, counts, strict=True)
    )
    streamed = parquet_dataset(grouped, facts.features, 32, window_rows=100, seed=1)
    assert streamed.options().autotune.enabled is False  # No epoch waits for such a thread.
    expected = training_dataset(frames, facts.features, 32, seed=1)
    assert streamed.element_spec == {
        name: tf.TensorSpec(spec.shape, spec.dtype) for name, spec in expected.element_spec.items()
    }
    assert rows_of(streamed) == rows_of(expected)
    assert [len(batch["item_id"]) for batch in streamed][:-1] == [32] * (len(tables[0]) // 32)


def test_without_tables_features_are_columns_of_the_rows(tables, tmp_path):
    log, users, items = tables
    wide = log.merge(users, on="user_id").merge(items, on="item_id")
    wide.to_parquet(tmp_path / "wide.parquet", row_group_size=50)
    opened = open_parquet(tmp_path, schema=SCHEMA)
    features = scan_parquet(opened).features
    frames = load_frames(log, users, items, SCHEMA)
    expected = training_dataset(frames, data.fit_features(frames), 64)
    found = rows_of(parquet_dataset(opened, features, 64))
    assert found == rows_of(expected.map(lambda b: {n: b[n] for n in b if n != "history"}))


def test_workers_share_the_rows_of_each_epoch(grouped):
    features = scan_parquet(grouped).features
    shards = [
        parquet_dataset(grouped, features, 16, window_rows=60, seed=5, shard=(i, 2)) for i in (0, 1)
    ]
    epochs = [[row for shard in shards for row in rows_of(shard)] for _ in range(2)]
    whole = rows_of(parquet_dataset(grouped, features, 16))
    assert [sorted(epoch, key=repr) for epoch in epochs] == [whole] * 2
    assert epochs[0] != epochs[1]
    assert len({shard.cardinality().numpy() for shard in shards}) == 1


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_shards_cover_every_row_once(workers):
    sizes = [5, 1, 30, 2, 2, 17]
    for rng in (None, 3):
        shards = [
            pieces_of(sizes, (i, workers), rng and np.random.default_rng(rng))
            for i in range(workers)
        ]
        rows = [(p.group, row) for s in shards for p in s for row in range(p.start, p.stop)]
        assert sorted(rows) == [(g, row) for g, size in enumerate(sizes) for row in range(size)]
        lengths = [sum(map(len, pieces)) for pieces in shards]
        assert lengths == [shard_size(sum(sizes), (i, workers)) for i in range(workers)]
        assert max(lengths) - min(lengths) <= 1
        windows = [sum(map(len, window)) for window in windows_of(shards[0], 8)]
        assert all(size >= 8 for size in windows[:-1])
        assert sum(windows) == lengths[0]


def order_of(dataset):
    return [item for batch in dataset for item in batch["item_id"].numpy().tolist()]


def test_a_seed_fixes_the_epochs_and_no_shuffling_keeps_the_order(folder, tables):
    opened = open_parquet(folder, *tables[1:], SCHEMA)
    features = scan_parquet(opened).features
    one, same, other = (
        parquet_dataset(opened, features, 32, window_rows=90, seed=seed) for seed in (1, 1, 2)
    )
    epochs = [order_of(one), order_of(one)]
    assert epochs == [order_of(same), order_of(same)]
    assert epochs[0] != epochs[1]
    assert epochs[0] != order_of(other)
    kept = parquet_dataset(opened, features, 32, shuffle=False, window_rows=7)
    assert order_of(kept) == tables[0]["item_id"].tolist()
    assert one.cardinality() == -(-len(tables[0]) // 32)


def test_an_item_that_the_table_lacks_is_unknown(folder, tables):
    _, users, items = tables
    opened = open_parquet(folder, users, items[items["item_id"] != 3], SCHEMA)
    features = scan_parquet(opened).features
    made = {f.name: f for f in features.candidate}["made"]
    for batch in parquet_dataset(opened, features, 64):
        lacks = batch["item_id"].numpy() == 3
        assert set(batch["made"].numpy()[lacks]) <= {made.unknown}
        assert set(batch["name"].numpy()[lacks]) <= {b""}


def damage(path, number):
    """Flips a byte in the middle of the user ids of a row group."""
    column = pq.ParquetFile(path).metadata.row_group(number).column(0)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 0xFF
    path.write_bytes(content)


def test_a_damaged_row_group_is_named(grouped, tmp_path):
    path = tmp_path / "part.parquet"
    shutil.copy(grouped.row_groups[0].path, path)
    damage(path, 1)
    opened = open_parquet(path, grouped.users, grouped.items, SCHEMA)
    message = r"part\.parquet, row group 1, must be readable.*Write the file again"
    with pytest.raises(ValueError, match=message):
        scan_parquet(opened)
    features = scan_parquet(grouped).features
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        list(parquet_dataset(opened, features, 8))


def test_a_file_that_was_cut_off_is_named(folder, tmp_path):
    content = (folder / "1.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"cut\.parquet must be a whole Parquet file"):
        open_parquet(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user_id": None}, r"row group 0: interactions\['user_id'\] must have an id in every row"),
        ({"item_id": -1}, r"interactions\['item_id'\] must not be negative"),
        ({"timestamp": None}, r"interactions\['timestamp'\] must have a time in every row"),
    ],
)
def test_wrong_cells_are_named(tables, tmp_path, change, message):
    log = tables[0].copy()
    for name, value in change.items():
        log.loc[log.index[5], name] = value
    log.to_parquet(tmp_path / "log.parquet")
    with pytest.raises(ValueError, match=message):
        scan_parquet(open_parquet(tmp_path, *tables[1:], SCHEMA))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"window_rows": 0}, "`window_rows` must be at least 1"),
        ({"shard": (2, 2)}, "`shard` must be the worker's number"),
    ],
)
def test_arguments_out_of_range_are_refused(grouped, options, message):
    features = scan_parquet(grouped).features
    with pytest.raises(ValueError, match=message):
        parquet_dataset(grouped, features, **{"batch_size": 8, **options})


def test_histories_need_rows_that_are_grouped(folder, grouped, tables):
    opened = open_parquet(folder, *tables[1:], SCHEMA)
    with pytest.raises(ValueError, match="`interactions` must be grouped by user"):
        parquet_dataset(opened, scan_parquet(grouped).features, 8)


def test_missing_columns_and_files_are_named(folder, tmp_path):
    with pytest.raises(ValueError, match=r"0\.parquet must have the columns.*\['shop'\]"):
        open_parquet(folder, schema=Schema(item_id="shop"))
    with pytest.raises(FileNotFoundError, match="no interactions at"):
        open_parquet(tmp_path / "none")
    with pytest.raises(ValueError, match=r"must hold files that end in \.parquet"):
        open_parquet(tmp_path)


def test_what_is_open_says_how_large_it_is(grouped):
    assert isinstance(grouped, data.ParquetInteractions)
    words = f"{grouped.num_rows} interactions in {len(grouped.row_groups)} row groups"
    assert repr(grouped) == f"ParquetInteractions({words})"
    assert isinstance(scan_parquet(grouped), data.ParquetFacts)
