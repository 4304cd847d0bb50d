"""From ranks to the named metrics of every query."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.ops.rank_metrics import AT_K, first_rank
from tfrs_ext.ops.tie_groups import group_ties
from tfrs_ext.ops.tied_ranks import Ranks, Ties


def result_of(
    blocks: Iterable[tuple[Ranks, int]], ks: Sequence[int], ties: Ties
) -> RetrievalResult:
    """Computes every metric at every k.

    Args:
        blocks: The ranks of successive blocks of queries, which count from 0 in each block, and the
            number of queries in the block.
        ks: The cut-offs.
        ties: What the ranks were made with.
    """
    columns: dict[str, list[npt.NDArray[np.float64]]] = {}
    for ranks, queries in blocks:
        groups = group_ties(ranks, queries, ties)
        asked = groups.total.numpy() > 0
        found = {"rank": first_rank(groups).numpy()}
        for name, metric in AT_K.items():
            values = metric(groups, ks).numpy()
            found |= {f"{name}_at_{k}": values[:, i] for i, k in enumerate(ks)}
        for name, column in found.items():
            columns.setdefault(name, []).append(np.where(asked, column, np.nan))
    per_query = {name: np.concatenate(parts) for name, parts in columns.items()}
    if not per_query or np.all(np.isnan(per_query["rank"])):
        raise ValueError("`positives` must hold at least one positive, received none.")
    return RetrievalResult(per_query)
