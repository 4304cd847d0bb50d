"""The items that the same people took."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tfrs_ext.baselines.co_occurrence import nearest_by_cosine
from tfrs_ext.baselines.taken_items import TakenItems
from tfrs_ext.typing import TensorLike


def nearest_items(
    histories: TensorLike, num_candidates: int, k: int = 50
) -> tuple[npt.NDArray[np.signedinteger[Any]], npt.NDArray[np.float32]]:
    """Returns each item's nearest neighbours by the cosine of who has both.

    Args:
        histories: `[U, (L)]` positions of the items that each user took, as `data.item_histories`
            gives, or `[U, L]` with negative numbers as padding; an item counts once for a user.
        num_candidates: C, how many items there are.
        k: How many neighbours of each item; C where there are fewer.

    Returns:
        Positions `[C, k]` int32 and cosines `[C, k]` float32, the nearest first; a cosine of 0
        where nobody has both.

    Raises:
        ValueError: `k` isn't positive, or a position isn't below `num_candidates`.

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
    taken = TakenItems.of(histories)
    taken.check(num_candidates)
    taken = taken.distinct(num_candidates)
    owners, items = taken.owners.numpy(), taken.positions.numpy()
    near = min(k, num_candidates)
    return nearest_by_cosine(owners, items, int(taken.count), num_candidates, near)
