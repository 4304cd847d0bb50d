"""From standings to the named metrics of every query."""

from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.ops.rank_metrics import AT_K, first_rank
from tfrs_ext.ops.standings import Standings, Ties, group_ties


def result_of(
    blocks: Iterable[tuple[Standings, int]], ks: Sequence[int], ties: Ties
) -> RetrievalResult:
    """Computes every metric at every k.

    Args:
        blocks: Standings of successive blocks of queries, whose rows count from 0 in each block,
            and the number of queries in the block.
        ks: The cut-offs.
        ties: As the standings were made with.
    """
    columns: dict[str, list[tf.Tensor]] = {}
    for standings, queries in blocks:
        groups = group_ties(standings, queries, ties)
        found = {f"{name}_at_{k}": metric(groups, k) for name, metric in AT_K.items() for k in ks}
        found["rank"] = first_rank(groups)
        for name, values in found.items():
            values = tf.where(groups.total > 0, values, np.float64("nan"))
            columns.setdefault(name, []).append(values.numpy())
    per_query = {name: np.concatenate(parts) for name, parts in columns.items()}
    if not per_query or np.all(np.isnan(per_query["rank"])):
        raise ValueError("`positives` must hold at least one positive, received none.")
    return RetrievalResult(per_query)
