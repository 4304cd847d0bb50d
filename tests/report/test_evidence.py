"""What a report says of a retriever is what loops over queries and lists find."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_ext import baselines, data, evaluation, report


def load(as_text):
    """Two titles are there, one isn't; ids are numbers or strings."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(40), 15)
    items = np.concatenate([rng.permutation(30)[:15] for _ in range(40)])
    log = pd.DataFrame({"user_id": users, "item_id": items, "timestamp": np.tile(range(15), 40)})
    table = pd.DataFrame({"item_id": range(30), "title": [f"Film {i}" for i in range(30)]})
    table.loc[7, "title"] = None
    if as_text:
        log["item_id"], table["item_id"] = (t["item_id"].map("i{}".format) for t in (log, table))
    return data.load_frames(log, None, table, data.Schema(title="title"))


@pytest.fixture(scope="module", params=["numbers", "strings"])
def world(request):
    frames = load(request.param == "strings")
    split = data.leave_one_out(frames)
    features = data.fit_features(split.train)
    known = data.join(split.train, split.validation)
    queries = data.next_item_queries(split.test, features, history_from=known)
    rng = np.random.default_rng(1)
    vectors = [rng.normal(size=(n, 8)).astype("float32") for n in (len(queries.user_rows), 30)]
    found = {"model": evaluation.evaluate_retrieval(*vectors, queries.positives, queries.seen)}
    fitted = baselines.fit_baselines(data.item_histories(split.train), 30)
    for name, baseline in fitted.items():
        found[name] = evaluation.evaluate_scores(
            baseline, queries.seen, queries.positives, queries.seen, num_candidates=30
        )
    return split, queries, found, vectors, fitted


def test_the_evidence_makes_a_whole_report(world):
    split, queries, results, vectors, fitted = world
    evidence = report.retrieval_evidence(split.train, queries, results, *vectors, fitted)
    evidence = json.loads(json.dumps(evidence))
    assert list(evidence["metrics"]) == ["model", *fitted]
    page = report.render_report(report.RunSummary(title="a", **evidence))
    for section in ("accuracy", "fairness", "samples"):
        assert f'<section id="{section}"' in page


def test_samples_show_titles_of_the_latest_items_and_of_the_best(world):
    split, queries, _, (asked, items), _ = world
    rows = np.array([3, 11])
    scores, shown = evaluation.top_candidates(lambda q: q @ items.T, asked[rows], 4)
    (sample, _) = report.sample_lists(split.train, queries, rows, scores, shown)
    user = queries.user_rows[3]
    known = data.join(split.train, split.validation)
    latest = known.item_rows()[known.user_rows() == user][::-1][:5]
    titles = [f"Film {i}" for i in range(30)]
    titles[7] = str(split.train.items["item_id"][7])
    order = [int(i[1:]) if isinstance(i, str) else i for i in split.train.items["item_id"]]
    assert report.item_titles(split.train) == [titles[i] for i in order]
    assert sample["query"] == f"user_id {user}"
    assert sample["history"] == [titles[i] for i in latest]
    best = np.argsort(-(asked[3] @ items.T))[:4]
    assert [item["title"] for item in sample["items"]] == [titles[i] for i in best]
    wanted = queries.positives[3].numpy()
    assert [item["found"] for item in sample["items"]] == [i in wanted for i in best]


def test_groups_hold_the_mean_over_their_queries(world):
    split, queries, results, _, _ = world
    counts = np.bincount(split.train.item_rows(), minlength=30)
    found = report.recall_by_group(results, queries, counts, min_queries=1)
    wanted = np.array([item for (item,) in queries.positives.to_list()])
    rank = np.argsort(np.argsort(-counts, kind="stable"))
    per_query = results["model"].per_query["recall_at_10"]
    (title,) = [title for title in found if "by popularity" in title]
    for group, interval in found[title]["model"].items():
        own = rank[wanted] // 3 == int(group) - 1
        assert interval.mean == pytest.approx(per_query[own].mean())
    masks = {"few": np.arange(len(wanted)) < 3, "most": np.arange(len(wanted)) >= 3}
    large = report.metric_by_group(results, masks, "recall_at_10", queries.user_rows, 4)
    assert list(large["model"]) == ["most"]


def test_exposure_counts_places(world):
    counts = np.arange(30, 0, -1)
    lists = {"model": np.array([[0, 1, 5], [2, -1, -1]])}
    shares = report.exposure_by_popularity(lists, counts)["model"]
    assert shares["1"] == 3 / 4
    assert shares["2"] == 1 / 4
    assert sum(shares.values()) == 1


def test_lists_of_one_item_have_no_diversity():
    counts, vectors = np.array([3, 2, 1]), np.eye(3, dtype=np.float32)
    positives = tf.ragged.constant([[2], [0]])
    measures = report.measure_lists({"model": np.array([[2], [1]])}, positives, counts, vectors)
    assert "diversity within lists" not in measures["model"]
    assert measures["model"]["catalogue coverage"] == 2 / 3
    assert measures["model"]["serendipity"] == 0.5
