"""Which index suits a corpus."""

from typing import Any, Literal

from tfrs_ext.indexes.exact import Exact
from tfrs_ext.indexes.index import Index
from tfrs_ext.indexes.quantized import Quantized
from tfrs_ext.indexes.scann import ScaNN

_EXACT_BELOW = 20_000
Kind = Literal["auto", "exact", "quantized", "scann"]


def best_for(num_candidates: int) -> Literal["exact", "scann"]:
    """Returns the kind of index for a corpus: exact below 20,000 candidates, ScaNN from there on.

    Args:
        num_candidates: C.

    Example:
        >>> best_for(3_700), best_for(1_000_000)
        ('exact', 'scann')
    """
    return "exact" if num_candidates < _EXACT_BELOW else "scann"


def build_index(
    candidates: Any,
    identifiers: Any = None,
    kind: Kind | str = "auto",
    *,
    k: int = 10,
    queries: Any = None,
    recall: float = 0.95,
) -> Index:
    """Builds the index that suits the corpus.

    Args:
        candidates: `[C, D]` embeddings.
        identifiers: `[C]` unique ids; by default the row numbers.
        kind: `"exact"`, `"scann"`, `"quantized"`, or `"auto"` for what `best_for` says.
        k: Number of results where a call gives none.
        queries: `[Q, D]` embeddings on which a ScaNN index is tuned; without them it keeps its
            defaults.
        recall: What the tuning aims at, for the k best candidates.

    Returns:
        `Exact`, `Quantized` or `ScaNN`, ready for queries.
    """
    if kind == "auto":
        kind = best_for(len(candidates))
    if kind == "exact":
        return Exact(k=k).index(candidates, identifiers)
    if kind == "quantized":
        return Quantized(k=k).index(candidates, identifiers)
    if kind == "scann":
        index = ScaNN(k=k)
        index.index(candidates, identifiers)
        if queries is not None and len(queries):
            index.tune(queries, recall=recall, at=k)
        return index
    raise ValueError(
        f'`kind` must be "auto", "exact", "quantized" or "scann", received kind={kind!r}.'
    )
