"""Which index suits a corpus."""

from collections.abc import Sequence, Sized
from typing import Any

import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.indexes.index import Index
from tfrs_ext.indexes.kinds import index_class
from tfrs_ext.typing import TensorLike

_EXACT_BELOW = 20_000


def best_for(num_candidates: int) -> str:
    """Returns the kind of index for a corpus: exact below 20,000 candidates, ScaNN from there on.

    Args:
        num_candidates: C.

    Example:
        >>> best_for(3_700), best_for(1_000_000)
        ('exact', 'scann')
    """
    return "exact" if num_candidates < _EXACT_BELOW else "scann"


def build_index(
    candidates: tf.Tensor | npt.NDArray[Any] | Sequence[Any],
    identifiers: TensorLike | None = None,
    kind: str = "auto",
    *,
    k: int = 10,
    queries: Sized | None = None,
    recall: float = 0.95,
) -> Index:
    """Builds the index that suits the corpus.

    Args:
        candidates: `[C, D]` embeddings.
        identifiers: `[C]` unique ids; by default the positions.
        kind: One of `index_kinds()`, or `"auto"` for what `best_for` says.
        k: Number of results where a call gives none.
        queries: `[Q, D]` embeddings on which an index that has settings to tune is tuned; without
            them it keeps its defaults.
        recall: The recall that the tuning aims at, for the k best candidates.

    Returns:
        An index of that kind, ready for queries.

    Raises:
        ValueError: Where no index has that kind.
    """
    index = index_class(best_for(len(candidates)) if kind == "auto" else kind)(k=k)
    index.index(candidates, identifiers)
    if queries is not None and len(queries):
        index.tune(queries, recall=recall, at=k)
    return index
