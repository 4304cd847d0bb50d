"""The baselines that a retriever is usually set beside."""

from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.item_to_item import ItemToItemBaseline
from tfrs_ext.baselines.popularity import PopularityBaseline
from tfrs_ext.baselines.random import RandomBaseline
from tfrs_ext.typing import TensorLike


def fit_baselines(histories: TensorLike, num_candidates: int, seed: int = 0) -> dict[str, Baseline]:
    """Returns item to item, popularity and random, fitted to histories.

    Args:
        histories: `[U, (L)]` positions of the items that each user took in the training part, such
            as `data.item_histories` gives.
        num_candidates: The number of items, C.
        seed: The seed of the random baseline.

    Returns:
        From names to baselines, the strongest usually first.

    Example:
        >>> import tensorflow as tf
        >>> fitted = fit_baselines(tf.ragged.constant([[0, 2], [2]]), num_candidates=3)
        >>> list(fitted), fitted["popularity"](tf.constant([[1]])).numpy().tolist()
        (['item to item', 'popularity', 'random'], [[1.0, 0.0, 2.0]])
    """
    return {
        "item to item": ItemToItemBaseline(num_candidates).adapt(histories),
        "popularity": PopularityBaseline(num_candidates).adapt(histories),
        "random": RandomBaseline(num_candidates, seed=seed),
    }
