import json

import numpy as np
import pytest

from tfrs_ext import evaluation

RNG = np.random.default_rng(0)
BASE = RNG.random(300)
COLUMNS = {
    "model": BASE + RNG.normal(0.02, 0.02, 300),
    "item to item": BASE,
    "popularity": RNG.random(300) / 2,
}
COLUMNS = {name: np.where(np.arange(300) % 9 == 0, np.nan, v) for name, v in COLUMNS.items()}
RESULTS = {
    name: evaluation.RetrievalResult({"ndcg_at_10": v, "recall_at_10": v**2, "rank": 1 / v})
    for name, v in COLUMNS.items()
}


def test_intervals_and_differences_are_those_of_each_metric_alone():
    users = np.arange(300) // 3
    table = evaluation.compare_results(RESULTS, clusters=users, samples=200, seed=3)
    assert table["queries"] == 266
    assert set(table["metrics"]["model"]) == {"ndcg_at_10", "recall_at_10"}
    for model, values in table["metrics"].items():
        for name, interval in values.items():
            alone = RESULTS[model].confidence_interval(name, 0.95, 200, 3, users)
            np.testing.assert_allclose(interval, alone)
    assert set(table["differences"]) == {"item to item", "popularity"}
    for other, values in table["differences"].items():
        for name, interval in values.items():
            pair = RESULTS["model"].paired_difference(RESULTS[other], name, 0.95, 200, 3, users)
            np.testing.assert_allclose(interval, pair)


def test_a_difference_is_sure_where_intervals_overlap():
    table = evaluation.compare_results(RESULTS, ["ndcg_at_10"])
    ours, theirs = (table["metrics"][name]["ndcg_at_10"] for name in ("model", "item to item"))
    assert ours.low < theirs.high
    assert table["differences"]["item to item"]["ndcg_at_10"].low > 0


def test_the_table_survives_json():
    table = evaluation.compare_results(RESULTS, samples=10)
    again = json.loads(json.dumps(table))
    assert again["metrics"]["model"]["ndcg_at_10"] == list(table["metrics"]["model"]["ndcg_at_10"])


def test_results_of_other_queries_are_refused():
    other = evaluation.RetrievalResult({"ndcg_at_10": np.zeros(300)})
    with pytest.raises(ValueError, match="of the same queries"):
        evaluation.compare_results({"model": RESULTS["model"], "other": other}, ["ndcg_at_10"])
