"""What lists of recommendations are like beside hitting: how wide, how new, how varied."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext import evaluation

_TENTHS = 10

Positions = npt.NDArray[np.int64]


def measure_lists(
    lists: Mapping[str, Positions],
    positives: tf.RaggedTensor,
    item_counts: Positions,
    item_embeddings: npt.NDArray[np.float32] | None,
) -> dict[str, dict[str, float]]:
    """Returns coverage, exposure, novelty, diversity and serendipity of every model's lists.

    Args:
        lists: From models to `[Q, K]` positions of items, such as `evaluation.top_candidates`
            gives; negative ones are padding.
        positives: `[Q, (P)]` positions of the items that each query should find.
        item_counts: `[C]` how often each item occurs in the training part.
        item_embeddings: `[C, D]`, by which items of one list are told apart; None leaves out how
            varied lists are.

    Returns:
        `{model: {measure: value}}`, for `RunSummary(measures=…)`.

    Relations:
        `evaluation` has each measure as a function.
    """
    size = len(item_counts)
    wanted = positives.to_list()
    found = {}
    for name, items in lists.items():
        usual = np.argsort(-item_counts, kind="stable")[: items.shape[1]]
        found[name] = {
            "catalogue coverage": evaluation.catalog_coverage(items, size),
            "Gini of exposure": evaluation.exposure_gini(items, size),
            "novelty (bits)": evaluation.novelty(items, item_counts),
            "serendipity": evaluation.serendipity(items, wanted, usual),
        }
        if item_embeddings is not None and np.any(np.sum(items >= 0, axis=1) > 1):
            distance = evaluation.intra_list_diversity(items, item_embeddings)
            found[name]["diversity within lists"] = distance
    return found


def exposure_by_popularity(
    lists: Mapping[str, Positions], item_counts: Positions
) -> dict[str, dict[str, float]]:
    """Returns the share of the lists' places that goes to each tenth of the items.

    Args:
        lists: From names to positions of items, of any shape; negative ones are padding. Put what
            users took beside what models show.
        item_counts: `[C]` how often each item occurs in the training part.

    Returns:
        `{name: {tenth: share}}`, "1" holding the most popular items.

    Example:
        >>> counts = np.arange(20, 0, -1)
        >>> exposure_by_popularity({"model": np.array([[0, 1], [0, 19]])}, counts)["model"]["1"]
        0.75
    """
    tenths = evaluation.popularity_groups(item_counts, min(_TENTHS, len(item_counts)))
    found = {}
    for name, items in lists.items():
        shown = items[items >= 0]
        shares = np.bincount(tenths[shown], minlength=tenths.max() + 1) / max(1, shown.size)
        found[name] = {str(group + 1): float(share) for group, share in enumerate(shares)}
    return found
