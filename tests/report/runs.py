"""Runs to make pages of: a whole one, and one whose every string is hostile."""

import math
from typing import Any

from tfrs_ext import report

KS = (1, 10, 100)
MODELS = {"model": 1.0, "item to item": 0.9, "popularity": 0.6}


def whole(trials: int = 14) -> report.RunSummary:
    """A run that has something for every part of the page."""
    return report.RunSummary(
        title="Retrieval on films",
        facts={"data": "films", "test queries": 9990},
        metrics={name: _metrics(share) for name, share in MODELS.items()},
        differences={
            name: {"ndcg_at_10": (0.1 * (1 - share), 0.01, 0.2)}
            for name, share in MODELS.items()
            if name != "model"
        },
        history={
            "epoch": [0, 1, 2],
            "loss": [6.0, 5.0, 4.5],
            "regularization_loss": [0.0, 0.0, 0.0],
            "total_loss": [6.0, 5.0, 4.5],
            "val_ndcg_at_10": [0.1, 0.3, 0.2],
            "temperature": [0.1, 0.09, 0.08],
            "log_q_head": [-3.0, -3.1, -3.2],
        },
        groups={
            "by decile": {
                name: {str(i): (share / i, 0.9 * share / i, 1.1 * share / i) for i in range(1, 11)}
                for name, share in MODELS.items()
            },
            "of users": {"model": {"with a history": 0.2, "cold": 0.1}},
        },
        measures={"model": {"coverage": 0.8}, "popularity": {"coverage": 0.1, "novelty": 6.0}},
        trials=[_trial(i) for i in range(trials)]
        + [{"trial": "x", "status": "FAILED", "score": None, "values": {}, "error": "NaN"}],
        objective="val_ndcg_at_10",
        hyperparameters={"embedding_dim": 64, "learning_rate": 0.002},
        index={
            "kind": "scann",
            "recall": 0.95,
            "num_leaves_to_search": 20,
            "frontier": [
                {"num_leaves_to_search": n, "recall": r, "milliseconds": m}
                for n, r, m in ((10, 0.9, 0.05), (20, 0.95, 0.07), (80, 0.99, 0.2))
            ],
        },
        samples=[
            {
                "query": "user 17",
                "history": ["A Bridge Too Far"],
                "items": [{"title": "The Siege", "score": 0.31, "found": True}, {"title": "Heat"}],
            }
        ],
        versions={"tensorflow": "2.20.0"},
        seed=1,
        fingerprint="ab12",
        limits=["One seed."],
    )


def hostile(text: str) -> report.RunSummary:
    """A run whose every name and value is one text."""
    values = {text: (0.1, 0.05, 0.2), "recall_at_1": 0.1, "recall_at_2": 0.2, "recall_at_3": 0.3}
    trials = [
        {"trial": text, "status": text, "score": s, "values": {text: text + str(s), "a": s},
         "error": text, "stopped": text}
        for s in (0.1, 0.2)
    ]  # fmt: skip
    return report.RunSummary(
        title=text,
        facts={text: text},
        metrics={text: values, text + "2": values},
        differences={text + "2": values},
        history={"loss": [1.0, 2.0], "val_" + text: [1.0, 2.0], "log_q_" + text: [-1.0, -2.0]},
        groups={text: {text: {text: 0.1, "b": 0.2}}},
        measures={text: {text: 0.1}},
        trials=trials,
        objective="val_" + text,
        hyperparameters={text: text},
        index={
            "kind": text,
            text: text,
            "frontier": [{text: r, "recall": r, "milliseconds": r} for r in (0.5, 1.0)],
        },
        samples=[{"query": text, "history": [text], "items": [{"title": text, "found": True}]}],
        versions={text: text},
        fingerprint=text,
        limits=[text],
    )


def _metrics(share: float) -> dict[str, Any]:
    values: dict[str, Any] = {"median_rank": 70.0 / share}
    for name in ("recall", "ndcg", "mrr"):
        for k in KS:
            mean = share * (k / 100) ** 0.5 / 2
            values[f"{name}_at_{k}"] = (mean, 0.95 * mean, 1.05 * mean)
    return values


def _trial(i: int) -> dict[str, Any]:
    rate = 10 ** -(1 + i % 5)
    values: dict[str, Any] = {"learning_rate": rate, "optimizer": ("adam", "adagrad")[i % 2]}
    if i % 2:
        values["units"] = 2**i
    return {
        "trial": str(i),
        "status": "COMPLETED",
        "score": 0.2 - 0.01 * abs(math.log10(rate) + 3),
        "best_epoch": 2,
        "epochs": 3,
        "seconds": 10.0 + i,
        "stopped": "hopeless" if i % 3 == 0 else None,
        "error": None,
        "values": values,
    }
