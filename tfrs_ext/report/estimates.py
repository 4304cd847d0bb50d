"""Values with or without intervals, and how people read them."""

import math
from collections.abc import Iterable, Sequence

from tfrs_ext.evaluation import Interval

_WORDS = {"hit_rate": "hit rate", "ndcg": "NDCG", "map": "MAP", "mrr": "MRR"}


def estimate(value: float | Sequence[float]) -> Interval:
    """Returns a number, or `(mean, low, high)`, as an `Interval`.

    The bounds of a number are the number itself: nothing is known of them.
    """
    if isinstance(value, (int, float)):
        return Interval(float(value), float(value), float(value))
    mean, low, high = map(float, value)
    return Interval(mean, low, high)


def number(value: object) -> str:
    """Returns a setting: a number in as many digits as tell something, anything else as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return _signed(f"{value:,.4g}" if math.isfinite(value) else _infinite(value))


def decimal(value: float) -> str:
    """Returns a measured value in so many decimals that a column of them can be compared."""
    if not math.isfinite(value):
        return _infinite(value)
    if value != 0 and abs(value) < 5e-5:
        return _signed(f"{value:.1e}")
    return _signed(f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}")


def bounds_text(value: Interval) -> str:
    """Returns `[low, high]`, or nothing where bounds aren't known."""
    return f"[{decimal(value.low)}, {decimal(value.high)}]" if value.has_bounds else ""


def _infinite(value: float) -> str:
    return "–" if math.isnan(value) else "∞" if value > 0 else "-∞"  # noqa: RUF001


def _signed(text: str) -> str:
    return text.replace("-", "−")  # noqa: RUF001


def metric_name(name: str) -> str:
    """Returns what people call a metric.

    Example:
        >>> metric_name("val_ndcg_at_10"), metric_name("median_rank")
        ('NDCG@10', 'median rank')
    """
    kind, _, k = name.removeprefix("val_").rpartition("_at_")
    if kind:
        return f"{_WORDS.get(kind, kind.replace('_', ' '))}@{k}"
    return name.replace("_", " ")


def cutoff(name: str) -> tuple[str, int] | None:
    """Returns the kind of a metric and its k, or None where it has none.

    Example:
        >>> cutoff("recall_at_10"), cutoff("queries")
        (('recall', 10), None)
    """
    kind, _, k = name.rpartition("_at_")
    return (kind, int(k)) if kind and k.isdigit() else None


def headline(metrics: Iterable[str], objective: str) -> str | None:
    """Returns the metric that decides: the search's, else NDCG@10, else the first at some k."""
    wanted = [objective.removeprefix("val_"), "ndcg_at_10"]
    known = list(metrics)
    names = [*wanted, *(name for name in known if cutoff(name))]
    return next((name for name in names if name in known), None)
