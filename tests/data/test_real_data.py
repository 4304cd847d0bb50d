import numpy as np
import pytest

from tfrs_ext.data import (
    DataWarning,
    candidates_dataset,
    evaluation_queries,
    fit_features,
    global_time_split,
    join,
    leave_one_out,
    load_frames,
    load_movielens,
    training_dataset,
)


@pytest.mark.parametrize(
    ("name", "sizes"), [("100k", (100_000, 943, 1_682)), ("latest-small", (100_836, 610, 9_742))]
)
def test_movielens_has_the_published_sizes(name, sizes, movielens_folder):
    frames = load_movielens(name, movielens_folder(name))
    assert (len(frames.interactions), len(frames.users), len(frames.items)) == sizes
    assert frames.items["year"].notna().mean() > 0.98


def test_movielens_1m_loads_orders_and_splits(movielens_folder):
    with pytest.warns(DataWarning, match="Left out 137 of 1,000,209 interactions"):
        frames = load_movielens("1m", movielens_folder("1m"))
    assert len(frames.interactions) == 1_000_072
    assert dict(frames.schema.user_features) == dict.fromkeys(
        ("gender", "age", "occupation"), "categorical"
    )
    order = frames.interactions.dropna(subset="order_in_user")
    steps = order.groupby("user_id")["order_in_user"].diff().dropna()
    assert (steps > 0).all()
    split = leave_one_out(frames)
    assert len(split.test.interactions) == len(split.validation.interactions) == 6_040
    by_time = global_time_split(frames)
    assert by_time.train.times().max() < by_time.validation.times().min()
    features = fit_features(by_time.train)
    past = join(by_time.train, by_time.validation)
    queries = evaluation_queries(by_time.test, features, history_from=past)
    assert len(queries.user_rows) == 1_209
    assert queries.cold.sum() == 28


def test_movielens_100k_passes_through_the_pipelines(movielens_folder):
    split = leave_one_out(load_movielens("100k", movielens_folder("100k")))
    features = fit_features(split.train)
    dataset = training_dataset(split.train, features, 4096, seed=0)
    rows, padding = 0, 0
    for batch in dataset.as_numpy_iterator():
        rows += len(batch["item_id"])
        padding += (batch["history"][:, -1] == -1).sum()
        assert not np.any(batch["history"] == batch["item_id"][:, None])
    assert rows == len(split.train.interactions)
    assert padding == 943  # Each user's first row has no history.
    assert sum(len(b["item_id"]) for b in candidates_dataset(split.train, features, 512)) == 1_682


def test_other_tables_load_by_their_schema(movielens_folder):
    folder = movielens_folder("100k").parent / "amazon-beauty-2014"
    if not folder.is_dir():
        pytest.skip("needs the data in amazon-beauty-2014, which may not be passed on")
    frames = load_frames(folder / "interactions.parquet")
    assert (len(frames.users), len(frames.items)) == (22_363, 12_101)
    assert len(frames.interactions) == 198_502
