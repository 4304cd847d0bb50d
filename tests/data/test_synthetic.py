import numpy as np
import pandas as pd
import pytest

from tests.data.tables import frames_of, rows_of
from tfrs_ext.data import Truth, evaluation_queries, fit_features, join, leave_one_out, synthetic

PARTS = slice(0, 10), slice(-11, -1)


@pytest.fixture(scope="module")
def made():
    return synthetic()


def _recall(queries, scores, k):
    hits = []
    pairs = zip(queries.positives.to_list(), queries.seen.to_list(), strict=True)
    for user, (positives, seen) in zip(queries.user_rows, pairs, strict=True):
        own = scores[user].copy()
        own[seen] = -np.inf
        hits.append(np.isin(positives, np.argpartition(-own, k)[:k]).mean())
    return np.mean(hits)


def test_sizes_are_what_was_asked_for(made):
    frames, truth = made
    assert (len(frames.users), len(frames.items)) == (2_000, 1_000)
    assert len(frames.interactions) == pytest.approx(100_000, rel=0.02)
    assert truth.log_preferences.shape == (2_000, 1_000)
    np.testing.assert_allclose(np.exp(truth.log_preferences).sum(axis=1), 1.0, rtol=1e-4)
    assert frames.notes == ()


def test_nobody_takes_an_item_twice(made):
    frames, _ = made
    assert not frames.interactions.duplicated(["user_id", "item_id"]).any()


def test_equal_seeds_give_equal_data():
    (one, truth), (same, _), (other, _) = (synthetic(50, 60, 8, seed=seed) for seed in (3, 3, 4))
    assert rows_of(one) == rows_of(same) != rows_of(other)
    pd.testing.assert_frame_equal(one.items, same.items)
    assert truth.log_preferences.dtype == np.float32


def test_popularity_falls_as_zipf_says(made):
    frames, _ = made
    counts = np.sort(np.bincount(frames.item_rows(), minlength=1_000))[::-1]
    ranks = np.arange(20, 500)
    slope = np.polyfit(np.log(ranks), np.log(counts[ranks]), 1)[0]
    assert -1.1 < slope < -0.6


def test_the_truth_ranks_best_and_as_well_as_it_says(made):
    frames, truth = made
    split = leave_one_out(frames)
    past = join(split.train, split.validation)
    queries = evaluation_queries(split.test, fit_features(split.train), history_from=past)
    popularity = np.bincount(past.item_rows(), minlength=1_000)
    for k in (10, 100):
        best = _recall(queries, truth.log_preferences, k)
        popular = _recall(queries, np.tile(popularity.astype(float), (2_000, 1)), k)
        # 2,000 users: the share has a standard deviation of at most 0.011.
        assert best == pytest.approx(truth.best_recall(past, k), abs=0.033)
        assert best > 1.5 * popular > 1.5 * k / 1_000 * 1.5


def test_best_recall_is_the_probability_of_the_likeliest_new_items():
    history = frames_of([(1, 1, 0), (1, 2, 1), (2, 3, 2)])  # Items 1, 2, 3 are columns 0, 1, 2.
    truth = Truth(np.log(np.float32([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])))
    first_user, second_user = 0.2 / 0.2, 0.5 / (0.5 + 0.3)
    assert truth.best_recall(history, 1) == pytest.approx((first_user + second_user) / 2)
    assert truth.best_recall(history, 2) == pytest.approx(1.0)


def test_features_carry_signal(made):
    frames, truth = made
    taste = truth.log_preferences - truth.log_preferences.mean(axis=0)
    age = frames.users["age"].to_numpy()
    price = np.log(frames.items["price"].to_numpy())
    lean = taste @ (price - price.mean())
    assert np.corrcoef(age, lean)[0, 1] > 0.3
    for table, column, axis in (("users", "segment", 0), ("items", "category", 1)):
        codes = getattr(frames, table)[column].astype("category").cat.codes.to_numpy()
        values = taste if axis == 0 else taste.T
        groups = np.stack([values[codes == code].mean(axis=0) for code in range(codes.max() + 1)])
        shuffled = np.random.default_rng(0).permutation(codes)
        chance = np.stack([values[shuffled == code].mean(axis=0) for code in np.unique(codes)])
        assert groups.var(axis=0).mean() > 5 * chance.var(axis=0).mean()


def test_titles_can_be_told_apart_and_read(made):
    titles = made[0].items["title"]
    assert titles.is_unique
    assert titles.str.fullmatch(r"The [A-Z]\w+ [A-Z]\w+( of [A-Z]\w+)?( [IVX]+| \d+)?").all()


def test_latest_items_tell_more_than_the_first(made):
    frames, truth = made
    vectors = (truth.log_preferences - truth.log_preferences.mean(axis=0)).T
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.lexsort((frames.times(), frames.user_rows()))
    ends = np.cumsum(np.bincount(frames.user_rows()))
    histories = [own for own in np.split(frames.item_rows()[order], ends[:-1]) if len(own) >= 25]
    likeness = [vectors[own] @ vectors[own[-1]] for own in histories]
    first, latest = (np.mean([own[part].mean() for own in likeness]) for part in PARTS)
    assert latest > 1.3 * first > 0


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"num_users": 1}, "`num_users` must be at least 2, received 1"),
        ({"num_items": 5}, "`num_items` must be at least 20"),
        ({"interactions_per_user": 4}, "`interactions_per_user` must be at least 5"),
        ({"num_items": 100, "interactions_per_user": 26}, "at most a quarter of `num_items`"),
    ],
)
def test_rejects_sizes_that_cannot_be(sizes, message):
    with pytest.raises(ValueError, match=message):
        synthetic(**sizes)


def test_smallest_sizes_work():
    frames, _ = synthetic(2, 20, 5)
    assert len(frames.interactions) == 10
