"""The baselines that come with the package, by name, and those that a retriever stands beside."""

import inspect
from collections.abc import Sequence

from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.ease import EASE
from tfrs_ext.baselines.group_popularity import GroupPopularityBaseline
from tfrs_ext.baselines.history import HistoryBaseline
from tfrs_ext.baselines.ials import IALS
from tfrs_ext.baselines.item_to_item import ItemToItemBaseline
from tfrs_ext.baselines.popularity import DAY, PopularityBaseline
from tfrs_ext.baselines.random import RandomBaseline
from tfrs_ext.baselines.registry import BASELINES, make_baseline, register_baseline
from tfrs_ext.baselines.successors import SuccessorBaseline
from tfrs_ext.baselines.user_to_item import UserToItemBaseline
from tfrs_ext.typing import PrintFn, TensorLike

USUAL = ("successors", "item_to_item", "recent", "popularity", "random")

register_baseline("successors", SuccessorBaseline)
register_baseline("item_to_item", ItemToItemBaseline)
register_baseline("user_to_item", UserToItemBaseline)
register_baseline("ease", EASE)
register_baseline("ials", IALS)
register_baseline("history", HistoryBaseline)
register_baseline("recent", PopularityBaseline, window=30 * DAY)
register_baseline("popularity_by_group", GroupPopularityBaseline)
# Without a window, popularity has nothing to search.
register_baseline("popularity", PopularityBaseline, lambda hp: {})
register_baseline("random", RandomBaseline)


def fit_baselines(
    histories: TensorLike,
    num_candidates: int,
    seed: int = 0,
    *,
    names: Sequence[str] = USUAL,
    times: TensorLike | None = None,
    groups: TensorLike | None = None,
    print_fn: PrintFn | None = None,
) -> dict[str, Baseline]:
    """Returns baselines that are fitted to histories, by default those that cost little.

    Args:
        histories: `[U, (L)]` positions of the items that each user took in the training part,
            oldest first, such as `data.item_histories` gives.
        num_candidates: The number of items, C.
        seed: The seed of those that draw random numbers, where their names fix none.
        names: The names of baselines, of `BASELINES`; those that read times or groups are left out
            where these are None.
        times: `[U, (L)]`, the time of each entry in seconds, such as `data.history_times` gives.
        groups: `[U]`, the group of each user.
        print_fn: Where lines for people go; None for nowhere.

    Returns:
        From names to baselines, in the order of `names`.

    Raises:
        ValueError: There is no baseline of some name.

    Example:
        >>> import tensorflow as tf
        >>> fitted = fit_baselines(tf.ragged.constant([[0, 2], [2]]), num_candidates=3)
        >>> list(fitted), fitted["popularity"](tf.constant([[1]])).numpy().tolist()
        (['successors', 'item_to_item', 'popularity', 'random'], [[1.0, 0.0, 2.0]])
    """
    fitted = {}
    for name in names:
        baseline = make_baseline(name, num_candidates, **_seed_of(name, seed))
        lacks_times = baseline.reads_times and times is None
        if not lacks_times and not (baseline.reads_groups and groups is None):
            fitted[name] = baseline.fit(histories, times=times, groups=groups, print_fn=print_fn)
    return fitted


def _seed_of(name: str, seed: int) -> dict[str, int]:
    """Returns the argument `seed`, where the class has it and the name doesn't fix it."""
    variant = BASELINES.get(name)
    if variant is None or "seed" in variant.arguments:
        return {}
    return {"seed": seed} if "seed" in inspect.signature(variant.model.__init__).parameters else {}
