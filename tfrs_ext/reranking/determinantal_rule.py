"""The rule of a determinantal point process."""

import tensorflow as tf

from tfrs_ext.ops.greedy_diversity import determinantal
from tfrs_ext.reranking.diversity_rule import DiversityRule
from tfrs_ext.typing import TensorLike


class Determinantal(DiversityRule):
    """Chooses k items that are good and span much: the greedy MAP of a determinantal process.

    The next is always the largest gain in `share * sum of relevance + (1 - share) * log det S`,
    with `S_ij = (1 + cos(i, j)) / 2` over the items chosen, and the scores of a list scaled from 0
    (worst) to 1 (best) as relevance. The others follow in their former order, and so do items that
    the chosen ones span: at most D + 1 are chosen.

    Args:
        embeddings: `[C, D]`, by which items are alike: the retriever's, or of their content.
        share: The share of relevance, from 0 up to but not including 1.

    Relations:
        `MarginalRelevance` looks at the nearest of the chosen items alone, and is cheaper.

    Example:
        >>> from tfrs_ext.reranking import Ranked
        >>> ranked = Ranked(*map(tf.constant, ([[3.0, 2.9, 1.0]], [[0, 1, 2]], [[1, 1, 1]])))
        >>> rule = Determinantal([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], share=0.5)
        >>> rule(ranked, {}, tf.constant(2)).positions.numpy().tolist()
        [[0, 2, 1]]

    References:
        Chen, Zhang, Zhou: Fast Greedy MAP Inference for Determinantal Point Process to Improve
        Recommendation Diversity, NeurIPS 2018, arXiv:1709.05135.
    """

    def __init__(self, embeddings: TensorLike, share: float = 0.7) -> None:
        super().__init__("determinantal", embeddings, share, allows_one=False)

    def choose(
        self, relevance: tf.Tensor, units: tf.Tensor, is_open: tf.Tensor, k: tf.Tensor
    ) -> tf.Tensor:
        """Returns the columns `[B, k]` of the chosen items; see `DiversityRule`."""
        return determinantal(relevance, units, is_open, self.share, k)
