"""The items that the same people took."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.baselines.co_occurrence import nearest_by_cosine


def nearest_items(
    histories: tf.RaggedTensor, num_candidates: int, k: int = 50
) -> tuple[npt.NDArray[np.signedinteger[Any]], npt.NDArray[np.float32]]:
    """Returns each item's nearest neighbours by the cosine of who has both.

    Args:
        histories: `[U, (L)]` positions of the items that each user took, as `data.item_histories`
            gives; an item counts once for a user.
        num_candidates: C, how many items there are.
        k: How many neighbours of each item; C where there are fewer.

    Returns:
        Positions `[C, k]` int32 and cosines `[C, k]` float32, the nearest first; a cosine of 0
        where nobody has both.

    Relations:
        `stages.SimilarItems` brings a user's items' neighbours to a ranker; `ItemToItemBaseline`
        scores all items so.

    Example:
        >>> neighbors, cosines = nearest_items(tf.ragged.constant([[0, 1], [1, 0], [2]]), 3, k=1)
        >>> neighbors[:2, 0].tolist(), cosines[:, 0].round(2).tolist()
        ([1, 0], [1.0, 1.0, 0.0])
    """
    if k < 1:
        raise ValueError(f"`k` must be a positive integer, received k={k}.")
    owners, items = histories.value_rowids().numpy(), histories.values.numpy()
    keys = np.unique(owners.astype(np.int64) * num_candidates + items)
    owners, items = np.divmod(keys, num_candidates)
    count = int(histories.nrows())
    near = min(k, num_candidates)
    return nearest_by_cosine(
        owners.astype(np.int32), items.astype(np.int32), count, num_candidates, near
    )
