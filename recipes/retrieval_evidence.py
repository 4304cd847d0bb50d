"""What a report needs of an evaluation, as plain values: intervals, groups, measures, lists."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from recipes.retrieval_comparison import Comparison
from recipes.retrieval_problem import RetrievalProblem
from tfrs_ext import evaluation

_METRIC, _K = "recall_at_10", 10
_LISTED, _SHOWN, _LATEST, _FEWEST = 2_000, 6, 5, 20


def evidence(
    comparison: Comparison, results: Mapping[str, evaluation.RetrievalResult], seed: int
) -> dict[str, Any]:
    """Returns the entries of a `report.RunSummary` that need the model, JSON-able."""
    problem = comparison.problem
    users = problem.test.user_rows
    rows = np.random.default_rng(seed).permutation(len(users))[:_LISTED]
    lists = comparison.lists(rows, min(_K, len(problem.frames.items)))
    table = evaluation.compare_results(results, clusters=users)
    for name, result in results.items():
        table["metrics"][name]["median_rank"] = result["median_rank"]
    return {
        "facts": _facts(problem),
        "metrics": table["metrics"],
        "differences": table["differences"],
        "groups": {**_groups(problem, results), **_exposure(problem, lists)},
        "measures": _measures(comparison, lists, rows),
        "samples": _samples(problem, rows[:_SHOWN], *lists["model"]),
    }


def item_counts(problem: RetrievalProblem) -> Any:
    """Returns how often each item occurs in the training part `[C]`."""
    size = len(problem.frames.items)
    return np.bincount(problem.split.train.item_rows(), minlength=size)


def titles(problem: RetrievalProblem) -> list[str]:
    """Returns the items' titles, or their ids where they have none `[C]`."""
    schema = problem.frames.schema
    return problem.frames.items[schema.title or schema.item_id].astype(str).tolist()


def _facts(problem: RetrievalProblem) -> dict[str, Any]:
    return {
        "data": problem.source.name,
        "split": problem.source.split,
        "users": len(problem.frames.users),
        "items": len(problem.frames.items),
        "training rows": len(problem.split.train.interactions),
        "test queries": len(problem.test.user_rows),
        "protocol": "each held-out row is a query, the user as just before it; all items are "
        "ranked but those that the user has seen; ties count against the model",
    }


def _groups(
    problem: RetrievalProblem, results: Mapping[str, evaluation.RetrievalResult]
) -> dict[str, Any]:
    """Returns recall apart by the popularity of what was taken, and by who took it."""
    wanted = problem.test.positives.values.numpy()  # One for each query.
    counts = item_counts(problem)
    tenth = evaluation.popularity_groups(counts, min(10, len(counts)))[wanted]
    sides = {
        "Recall@10 by popularity of the item, most popular tenth first": {
            str(group + 1): tenth == group for group in range(10)
        },
        "Recall@10 for known and new users": {
            "with a history": ~problem.test.cold,
            "without": problem.test.cold,
        },
        "Recall@10 for known and new items": {
            "in the training part": counts[wanted] > 0,
            "new": counts[wanted] == 0,
        },
    }
    found = {}
    for title, groups in sides.items():
        large = {name: rows for name, rows in groups.items() if rows.sum() >= _FEWEST}
        if len(large) > 1:
            users = problem.test.user_rows
            found[title] = {
                model: {
                    name: result.subset(rows).confidence_interval(_METRIC, clusters=users[rows])
                    for name, rows in large.items()
                }
                for model, result in results.items()
            }
    return found


def _exposure(problem: RetrievalProblem, lists: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how the places of the lists, and what users took, spread over popularity."""
    counts = item_counts(problem)
    tenths = evaluation.popularity_groups(counts, min(10, len(counts)))
    taken = {"users took": problem.test.positives.values.numpy()}
    shown = {name: items.ravel() for name, (_, items) in lists.items() if name != "random"}
    shares = {
        name: np.bincount(tenths[rows], minlength=tenths.max() + 1) / len(rows)
        for name, rows in {**shown, **taken}.items()
    }
    title = "Share of what is shown, by popularity of the item, most popular tenth first"
    return {
        title: {
            name: {str(group + 1): float(share) for group, share in enumerate(parts)}
            for name, parts in shares.items()
        }
    }


def _measures(comparison: Comparison, lists: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    problem, size = comparison.problem, len(comparison.items)
    counts = item_counts(problem)
    positives = [row.tolist() for row in problem.test.positives.numpy()[rows]]
    head = np.argsort(-counts, kind="stable")[:_K]
    found: dict[str, dict[str, float]] = {}
    for name, (_, items) in lists.items():
        found[name] = {
            "catalogue coverage": evaluation.catalog_coverage(items, size),
            "Gini of exposure": evaluation.exposure_gini(items, size),
            "novelty (bits)": evaluation.novelty(items, counts),
            "diversity within lists": evaluation.intra_list_diversity(items, comparison.items),
            "serendipity": evaluation.serendipity(items, positives, head),
        }
    wanted = problem.test.positives.values.numpy()[rows]
    found["model"] |= {
        "alignment": evaluation.alignment(comparison.queries[rows], comparison.items[wanted]),
        "uniformity of items": evaluation.uniformity(comparison.items[:_LISTED]),
        "effective rank of items": evaluation.effective_rank(comparison.items),
    }
    return found


def _samples(problem: RetrievalProblem, rows: Any, scores: Any, items: Any) -> list[dict[str, Any]]:
    names, test = titles(problem), problem.test
    schema = problem.frames.schema
    users = problem.frames.users[schema.user_id].to_numpy()[test.user_rows[rows]]
    history = problem.features.history
    ids = problem.frames.items[schema.item_id].tolist()
    name_of = dict(zip(ids, names, strict=True))
    found = []
    for place, row in enumerate(rows):
        wanted = set(test.positives[row].numpy().tolist())
        latest = test.queries[history.name][row][::-1].tolist()
        known = [name_of[item] for item in latest if item in name_of]
        found.append(
            {
                "query": f"{schema.user_id} {users[place]}",
                "history": known[:_LATEST],
                "items": [
                    {"title": names[item], "score": float(score), "found": item in wanted}
                    for item, score in zip(items[place].tolist(), scores[place], strict=True)
                    if np.isfinite(score)
                ],
            }
        )
    return found
