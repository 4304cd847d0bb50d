"""The rule of maximal marginal relevance."""

import tensorflow as tf

from tfrs_ext.ops.greedy_diversity import marginal_relevance
from tfrs_ext.reranking.diversity_rule import DiversityRule
from tfrs_ext.typing import TensorLike


class MarginalRelevance(DiversityRule):
    """Chooses k items that are good and unlike each other: maximal marginal relevance (MMR).

    The next is always `argmax share * relevance_i - (1 - share) * max over chosen j of cos(i, j)`,
    with the scores of a list scaled from 0 (worst) to 1 (best) as relevance. The others follow in
    their former order.

    Args:
        embeddings: `[C, D]`, by which items are alike: the retriever's, or of their content.
        share: The share of relevance, from 0 to 1; 1 changes nothing.

    Relations:
        `Determinantal` looks at all that is chosen at once, not at the nearest of it alone.

    Example:
        >>> from tfrs_ext.reranking import Ranked
        >>> ranked = Ranked(*map(tf.constant, ([[3.0, 2.9, 1.0]], [[0, 1, 2]], [[1, 1, 1]])))
        >>> rule = MarginalRelevance([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], share=0.5)
        >>> rule(ranked, {}, tf.constant(2)).positions.numpy().tolist()
        [[0, 2, 1]]

    References:
        Carbonell, Goldstein: The Use of MMR, Diversity-Based Reranking for Reordering Documents
        and Producing Summaries, SIGIR 1998.
    """

    def __init__(self, embeddings: TensorLike, share: float = 0.7) -> None:
        super().__init__("marginal_relevance", embeddings, share, allows_one=True)

    def choose(
        self, relevance: tf.Tensor, units: tf.Tensor, is_open: tf.Tensor, k: tf.Tensor
    ) -> tf.Tensor:
        """Returns the columns `[B, k]` of the chosen items; see `DiversityRule`."""
        return marginal_relevance(relevance, units, is_open, self.share, k)
