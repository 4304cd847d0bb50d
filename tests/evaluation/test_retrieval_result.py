import numpy as np
import pytest

from tfrs_ext.evaluation import Interval, RetrievalResult

NAN = np.nan


def _result(*values):
    return RetrievalResult({"ndcg_at_10": np.array(values), "rank": np.array(values) + 1})


def test_summary_leaves_queries_without_positives_out():
    summary = _result(0.0, NAN, 1.0, 0.5, 0.1).summary()
    assert summary == {"ndcg_at_10": pytest.approx(0.4), "median_rank": 1.3, "queries": 4}


def test_subset_takes_a_mask_or_rows():
    result = _result(0.0, 1.0, 0.5)
    assert result.subset(np.array([True, False, True]))["ndcg_at_10"] == 0.25
    assert result.subset([1])["ndcg_at_10"] == 1.0


def test_interval_has_the_width_that_the_normal_law_predicts():
    values = np.random.default_rng(0).normal(3.0, 2.0, 2000)
    interval = _result(*values).confidence_interval("ndcg_at_10")
    assert isinstance(interval, Interval)
    half = 1.96 * values.std() / np.sqrt(2000)
    np.testing.assert_allclose(interval.mean, values.mean())
    np.testing.assert_allclose(interval.low, values.mean() - half, atol=half / 10)
    np.testing.assert_allclose(interval.high, values.mean() + half, atol=half / 10)


def test_interval_is_repeatable_and_narrows_with_its_level():
    result = _result(*np.random.default_rng(0).random(100))
    wide, narrow = (result.confidence_interval("ndcg_at_10", level) for level in (0.99, 0.5))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert result.confidence_interval("ndcg_at_10", 0.5) == narrow
    assert result.confidence_interval("ndcg_at_10", 0.5, seed=1) != narrow


def test_paired_difference_sees_a_small_gain_that_single_intervals_hide():
    base = np.random.default_rng(0).random(200)
    noise = np.random.default_rng(1).normal(0.02, 0.02, 200)
    old, new = _result(*base, NAN), _result(*(base + noise), NAN)
    difference = new.paired_difference(old, "ndcg_at_10")
    assert 0 < difference.low < difference.mean < difference.high
    assert new.confidence_interval("ndcg_at_10").low < old["ndcg_at_10"]
    assert old.paired_difference(new, "ndcg_at_10").high < 0


def test_bad_arguments_are_named():
    result = _result(0.0, 1.0)
    with pytest.raises(KeyError, match="must be one of ndcg_at_10, rank, received 'mrr'"):
        result["mrr"]
    with pytest.raises(ValueError, match="of the same queries"):
        result.paired_difference(_result(0.0, NAN), "ndcg_at_10")
    with pytest.raises(ValueError, match="`level` must lie between 0 and 1"):
        result.confidence_interval("ndcg_at_10", level=95)


def test_queries_of_one_user_are_drawn_together():
    rng = np.random.default_rng(0)
    luck = rng.normal(size=50)
    clusters = np.repeat(np.arange(50), 20)
    result = _result(*luck[clusters] + 0.01 * rng.normal(size=1000))
    alone = result.confidence_interval("ndcg_at_10")
    together = result.confidence_interval("ndcg_at_10", clusters=clusters)
    assert together.mean == alone.mean
    ratio = (together.high - together.low) / (alone.high - alone.low)
    np.testing.assert_allclose(ratio, np.sqrt(20), rtol=0.15)
    each = result.confidence_interval("ndcg_at_10", clusters=np.arange(1000))
    np.testing.assert_allclose(each, alone)
    with pytest.raises(ValueError, match="`clusters` must have an entry for each of the 1000"):
        result.confidence_interval("ndcg_at_10", clusters=[1, 2])


def test_a_saved_result_is_compared_with_another_run_s(tmp_path):
    old, new = _result(0.0, NAN, 1.0, 0.5), _result(0.5, NAN, 1.0, 0.5)
    old.save(tmp_path / "old" / "results.npz")
    again = RetrievalResult.load(tmp_path / "old" / "results.npz")
    assert again.summary() == old.summary()
    expected = new.paired_difference(old, "ndcg_at_10")
    assert new.paired_difference(again, "ndcg_at_10") == expected
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["results.npz"]
