"""The search for an index's settings, reported as the searches for models are."""

import dataclasses
import time
from typing import Any

from tfrs_ext.indexes import Index
from tfrs_ext.tuning.result import SearchResult
from tfrs_ext.typing import PrintFn, TensorLike


def tune_index(
    index: Index,
    queries: TensorLike,
    recall: float = 0.95,
    at: int | None = None,
    *,
    print_fn: PrintFn = print,
    **kwargs: Any,
) -> SearchResult:
    """Finds the fastest setting of an index that reaches a recall; it searches with it afterwards.

    An index is searched after the model, and apart from it: its settings change neither the
    weights nor the exact ranking, cost seconds instead of trainings, and pay in latency.

    Args:
        index: An index that holds its candidates and has settings to tune, such as
            `indexes.ScaNN`.
        queries: `[Q, D]` embeddings of queries like those to come; a few hundred, of the
            validation part.
        recall: Mean share of the `at` true best candidates to be found.
        at: How many best candidates count; by default the index's k.
        print_fn: Takes a line for each setting, as `print` does.
        **kwargs: What the index's `tune` takes besides: of `indexes.ScaNN` `num_leaves`,
            `thresholds`, `batch_size` and `repeats`.

    Returns:
        The objective is `milliseconds` per query, the smaller the better. Each setting is a trial,
        with its `recall` beside the usual; settings below the recall asked for have no score.

    Raises:
        ValueError: Where the index has no settings to tune.

    Example:
        >>> from tfrs_ext import indexes
        >>> index = indexes.ScaNN(k=10, num_leaves=20).index(tf.random.normal([1000, 16]))
        >>> result = tune_index(index, tf.random.normal([64, 16]), 0.9, print_fn=lambda line: None)
        >>> result.best["num_leaves_to_search"] == index.num_leaves_to_search
        True
    """
    trials: list[dict[str, Any]] = []
    times = [time.monotonic()]

    def note(setting: Any) -> None:
        times.append(time.monotonic())
        trials.append(
            _describe(len(trials), dataclasses.asdict(setting), recall, times[-1] - times[-2])
        )
        shown = ", ".join(f"{name}={value}" for name, value in trials[-1]["values"].items())
        print_fn(
            f"setting {len(trials)}: recall {setting.recall:.4f}, "
            f"{setting.milliseconds:.3f} ms a query: {shown}"
        )

    index.tune(queries, recall, at, on_setting=note, **kwargs)
    if not trials:
        raise ValueError(
            f"`index` must have settings to tune, as `ScaNN` has, received {type(index).__name__}."
        )
    # What the index has taken: the fastest that reaches the recall, or the best recall there is.
    reached = [trial for trial in trials if trial["score"] is not None]
    best = min(reached or trials, key=lambda t: t["milliseconds"] if reached else -t["recall"])
    trials.sort(key=lambda t: (t["score"] is None, t["score"] or -t["recall"]))
    return SearchResult(
        "milliseconds", "min", best["milliseconds"], best["values"], None, tuple(trials)
    )


def _describe(number: int, facts: dict[str, Any], recall: float, seconds: float) -> dict[str, Any]:
    found, milliseconds = facts.pop("recall"), facts.pop("milliseconds")
    reached = found >= recall
    return {
        "trial": str(number),
        "status": "COMPLETED" if reached else "BELOW RECALL",
        "score": milliseconds if reached else None,
        "recall": found,
        "milliseconds": milliseconds,
        "best_epoch": None,
        "epochs": None,
        "curve": [],
        "seconds": seconds,
        "stopped": None,
        "error": None if reached else f"recall {found:.4f} is below {recall}",
        "values": facts,
    }
