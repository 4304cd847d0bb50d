"""What a report says about a retriever beside its baselines."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext import evaluation
from tfrs_ext.data import EvaluationQueries, Frames
from tfrs_ext.evaluation import RetrievalResult
from tfrs_ext.report.group_metrics import recall_by_group
from tfrs_ext.report.list_measures import exposure_by_popularity, measure_lists
from tfrs_ext.report.shown_lists import sample_lists
from tfrs_ext.typing import Embedder

_K, _LISTED, _SHOWN = 10, 2_000, 6
_EXPOSURE = "Share of what is shown, by popularity of the item, most popular tenth first"


def retrieval_evidence(
    train: Frames,
    queries: EvaluationQueries,
    results: Mapping[str, RetrievalResult],
    query_embeddings: npt.NDArray[np.float32] | None,
    item_embeddings: npt.NDArray[np.float32] | None,
    baselines: Mapping[str, Embedder],
    seed: int = 0,
    *,
    model: Embedder | None = None,
) -> dict[str, Any]:
    """Returns what a report shows about a model and its baselines on the same queries.

    Args:
        train: The training part: its rows say how popular items are, its tables hold the titles.
        queries: The test queries, one positive each, as `data.next_item_queries` gives.
        results: From `"model"`, which comes first, and the baselines' names to their results.
        query_embeddings: `[Q, D]` of the model; None where it has none.
        item_embeddings: `[C, D]` of the model, in the order of the item table; None where it has
            none.
        baselines: From names to baselines, such as `baselines.fit_baselines` gives.
        seed: The seed of the draw of the queries for which lists are made, at most 2,000.
        model: The function from histories to scores `[B, C]` that is the model, such as a baseline,
            where there are no embeddings.

    Returns:
        `metrics`, `differences`, `groups`, `measures` and `samples` for a `RunSummary`, JSON-able.

    Relations:
        `recall_by_group`, `measure_lists`, `exposure_by_popularity` and `sample_lists` are its
        parts.
    """
    rows = np.random.default_rng(seed).permutation(len(queries.user_rows))[:_LISTED]
    counts = np.bincount(train.item_rows(), minlength=len(train.items))
    seen = tf.gather(queries.seen, rows)
    histories = tf.gather(queries.histories, rows)
    if query_embeddings is not None and item_embeddings is not None:
        vectors = item_embeddings.T
        scores, shown = evaluation.top_candidates(
            lambda embeddings: embeddings @ vectors, query_embeddings[rows], _K, seen=seen
        )
    elif model is not None:
        scores, shown = evaluation.top_candidates(model, histories, _K, seen=seen)
    else:
        raise ValueError(
            "`model` must be given without `query_embeddings` and `item_embeddings`, received None."
        )
    lists = {"model": shown}
    for name, baseline in baselines.items():
        _, lists[name] = evaluation.top_candidates(baseline, histories, _K, seen=seen)
    taken = queries.positives.values.numpy()
    exposed = {name: items for name, items in lists.items() if name != "random"}
    table = evaluation.compare_results(results, clusters=queries.user_rows)
    for name, result in results.items():
        table["metrics"][name]["median_rank"] = result["median_rank"]
    measures = measure_lists(lists, tf.gather(queries.positives, rows), counts, item_embeddings)
    wanted = taken[rows]
    if query_embeddings is not None and item_embeddings is not None:
        measures["model"] |= {
            "alignment": evaluation.alignment(query_embeddings[rows], item_embeddings[wanted]),
            "uniformity of items": evaluation.uniformity(item_embeddings[:_LISTED]),
            "effective rank of items": evaluation.effective_rank(item_embeddings),
        }
    few = slice(_SHOWN)
    return {
        "metrics": table["metrics"],
        "differences": table["differences"],
        "groups": {
            **recall_by_group(results, queries, counts),
            _EXPOSURE: exposure_by_popularity({**exposed, "users took": taken}, counts),
        },
        "measures": measures,
        "samples": sample_lists(train, queries, rows[few], scores[few], shown[few]),
    }
