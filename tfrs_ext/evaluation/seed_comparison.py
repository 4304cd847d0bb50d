"""Two recipes, each trained several times: is one better, or luckier?"""

from collections.abc import Sequence

import numpy as np

from tfrs_ext.evaluation.bootstrap import Values, bootstrap_means, bounds
from tfrs_ext.evaluation.interval import Interval
from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.typing import TensorLike


def compare_seeds(
    ours: Sequence[RetrievalResult],
    theirs: Sequence[RetrievalResult],
    name: str,
    *,
    clusters: TensorLike | None = None,
    level: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Returns the difference of two recipes' means, with the luck of queries and of seeds.

    `mean over our seeds - mean over their seeds`; each draw of the bootstrap takes queries anew,
    the same ones for all trainings, and seeds anew on each side. An interval from one training
    each says whether two *models* differ; this one whether two *ways to train* do.

    Args:
        ours: One result of each training, all on the same queries.
        theirs: One result of each training of the other recipe; numbers of seeds may differ.
        name: The metric to compare, such as `recall_at_10`.
        clusters: `[Q]` which queries are drawn together, such as the users who asked them; None
            draws each for itself.
        level: The probability that the interval covers the true difference. With fewer than five
            seeds a side it covers less, since a bootstrap of few is too narrow.
        samples: How often queries and seeds are drawn anew.
        seed: The seed of the draws.

    Returns:
        The difference and its bounds.

    Raises:
        ValueError: Where a side has fewer than two trainings, or results are of other queries.

    Relations:
        `compare_results` for one training each; `tuning.confirm` trains with several seeds.

    Example:
        >>> runs = [RetrievalResult({"recall_at_1": np.full(9, v)}) for v in (0.3, 0.5, 0.1, 0.1)]
        >>> compare_seeds(runs[:2], runs[2:], "recall_at_1")
        Interval(mean=0.3..., low=0.19..., high=0.4)
    """
    if min(len(ours), len(theirs)) < 2:
        raise ValueError(
            "`ours` and `theirs` must hold at least two trainings each, received "
            f"{len(ours)} and {len(theirs)}: `compare_results` compares single ones."
        )
    results = [*ours, *theirs]
    for other in results[1:]:
        results[0].check_same_queries(other, name)
    columns = np.stack([result.per_query[name] for result in results], axis=1)
    drawn = bootstrap_means(columns, clusters, samples, seed)
    rng = np.random.default_rng([seed, 1])
    sides = np.split(drawn, [len(ours)], axis=1)
    left, right = (_draw(side, rng) for side in sides)
    low, high = bounds((left - right)[:, np.newaxis], level)
    means = np.nanmean(columns, axis=0)
    difference = means[: len(ours)].mean() - means[len(ours) :].mean()
    return Interval(float(difference), float(low[0]), float(high[0]))


def _draw(means: Values, rng: np.random.Generator) -> Values:
    """Returns the mean over seeds that are drawn anew for each of the `[S]` draws of queries."""
    chosen = rng.integers(0, means.shape[1], means.shape)
    return np.asarray(np.take_along_axis(means, chosen, axis=1).mean(axis=1))
