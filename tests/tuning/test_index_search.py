"""The settings of an index as a search's result."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import indexes, tuning
from tfrs_ext.indexes.scann_tuning import Setting

pytest.importorskip("scann")


class Known:
    """An index whose settings measure what is written here, and that shows none of them."""

    def __init__(self, *measured):
        self.measured = [Setting(*values) for values in measured]

    def tune(self, queries, recall, at, on_setting, **kwargs):
        self.asked = (queries, recall, at, kwargs)
        for setting in self.measured:
            on_setting(setting)


def test_rows_are_the_settings_that_reach_the_recall_fastest_first_then_the_others():
    lines = []
    index = Known(
        (9, 20, 0.99, 0.9, 40, 0.2), (5, 20, 0.95, 0.5, 40, 0.2), (1, 20, 0.6, 0.1, 40, 0.2)
    )
    result = tuning.tune_index(index, "queries", 0.95, 10, print_fn=lines.append, repeats=2)
    assert index.asked == ("queries", 0.95, 10, {"repeats": 2})
    assert (result.objective, result.direction, result.score) == ("milliseconds", "min", 0.5)
    assert result.best["num_leaves_to_search"] == 5
    assert [row["recall"] for row in result.trials] == [0.95, 0.99, 0.6]
    assert [row["score"] for row in result.trials] == [0.5, 0.9, None]
    assert result.trials[-1]["error"] == "recall 0.6000 is below 0.95"
    assert "below recall" in result.table()
    assert lines[0].startswith("setting 1: recall 0.9900, 0.900 ms a query: num_leaves_to_search=9")


def test_a_recall_that_nothing_reaches_gives_the_best_there_is():
    result = tuning.tune_index(
        Known((5, 20, 0.8, 0.5, 40, 0.2), (1, 20, 0.3, 0.1, 40, 0.2)),
        None,
        0.95,
        print_fn=lambda line: None,
    )
    assert (result.score, result.best["num_leaves_to_search"]) == (0.5, 5)
    assert result.trials[0]["score"] is None


@pytest.mark.slow
def test_an_index_searches_with_what_was_found(tmp_path):
    rng = np.random.default_rng(1)
    vectors = tf.constant(rng.normal(size=(2000, 16)), tf.float32)
    queries = tf.constant(rng.normal(size=(64, 16)), tf.float32)
    index = indexes.ScaNN(k=10, num_leaves=40).index(vectors)
    result = tuning.tune_index(index, queries, 0.8, print_fn=lambda line: None, repeats=1)
    settings = index.settings()
    assert result.best["num_leaves_to_search"] == settings["num_leaves_to_search"]
    _, found = index(queries)
    _, true = indexes.Exact(k=10).index(vectors)(queries)
    shares = [len(set(f) & set(t)) / 10 for f, t in zip(found.numpy(), true.numpy(), strict=True)]
    assert np.mean(shares) == pytest.approx(result.trials[0]["recall"])
    result.save(tmp_path / "index.json")
    assert tuning.SearchResult.load(tmp_path / "index.json") == result
