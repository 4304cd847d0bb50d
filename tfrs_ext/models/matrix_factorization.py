"""Matrix factorization, as the two-tower model that it is."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature
from tfrs_ext.models.embedding_tower import EmbeddingTower
from tfrs_ext.models.retrievers import register_retriever
from tfrs_ext.models.softmax_model import missing_ids
from tfrs_ext.models.two_tower import TwoTower, recommended_task
from tfrs_ext.tasks import Retrieval
from tfrs_ext.typing import Config, HyperParameters, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class MatrixFactorization(TwoTower):
    """Scores a user and an item by the product of a row of each table.

    `s(u, i) = <p_u, q_i> + b_u + b_i`, the biases by choice.

    It knows ids alone. What it minimises is its task's: `losses.BPR` over `negatives.Uniform`, a
    softmax, sampled or full, or `losses.SampledBinaryCrossEntropy`, which judges each pair by
    itself. Ridge regularisation of the rows that a batch touches is the `weight_decay` of
    `optimizers.LazyAdam`.

    Args:
        query_model: The table of users, an `EmbeddingTower`.
        candidate_model: The table of items, an `EmbeddingTower`.
        task: What is minimised; `tasks.Retrieval()` where it is None.
        **kwargs: The other arguments of `TwoTower`; `from_features` makes all of them.

    Call arguments:
        inputs: Mapping of column name to tensor, with user ids `[B]` and item ids `[B]`.
        training: Whether the model trains.

    Returns:
        `[B]` float32, each row's score.

    Relations:
        `TwoTower` reads features beside ids, and so can tell new users and items apart. `NeuMF`
        ranks by a network on top of the product.

    Example:
        >>> import tensorflow as tf
        >>> from tfrs_ext import losses, negatives, tasks
        >>> from tfrs_ext.features import Categorical
        >>> user, item = Categorical("user", (1, 2)), Categorical("item", (7, 8, 9))
        >>> catalogue = negatives.Catalogue({"item": [7, 8, 9]}, "item")
        >>> bpr = tasks.Retrieval(losses.BPR(), negatives=negatives.Uniform(catalogue, 2))
        >>> model = MatrixFactorization.from_features([user], [item], bpr, embedding_dim=4)
        >>> model({"user": tf.constant([1, 2]), "item": tf.constant([9, 9])}).shape
        TensorShape([2])

    References:
        Koren, Bell and Volinsky: Matrix factorization techniques for recommender systems, Computer
        2009. Rendle et al.: BPR, UAI 2009, arXiv:1205.2618. Rendle et al.: Neural collaborative
        filtering vs. matrix factorization revisited, RecSys 2020, arXiv:2005.09683.
    """

    usual_values: ClassVar[Mapping[str, Any]] = {
        "loss": "full_softmax",
        "batch_size": 256,
        "use_bias": True,  # Popularity needs no factor then.
    }
    normalizes: ClassVar[bool] = False

    @classmethod
    def from_features(
        cls,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
        task: Retrieval | None = None,
        *,
        item_counts: tuple[TensorLike, TensorLike] | None = None,
        embedding_dim: int = 64,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> "MatrixFactorization":
        """Builds the tables of the two ids.

        Args:
            query_features: Columns of queries; the first is the user id, and the others are left.
            candidate_features: Columns of candidates; the first is the item id.
            task: What is minimised; None is the softmax over the batch, corrected by the counts.
            item_counts: The item ids and how often each occurs in training; only where `task` is
                None.
            embedding_dim: The width of the rows.
            use_bias: Whether each user and each item has a bias.
            **kwargs: The other arguments of `TwoTower`.
        """
        user, item = query_features[0], candidate_features[0]
        sides = ("query", "candidate") if use_bias else (None, None)
        kwargs.setdefault("item_id", item.name)
        return cls(
            EmbeddingTower(user, embedding_dim, sides[0], name="query_model"),
            EmbeddingTower(item, embedding_dim, sides[1], name="candidate_model"),
            recommended_task(task, item_counts),
            **kwargs,
        )

    @classmethod
    def missing_columns(
        cls, query_features: Sequence[Feature], candidate_features: Sequence[Feature]
    ) -> list[str]:
        """Returns the ids that don't come first, as `Categorical`, among their features."""
        return missing_ids(user=query_features, item=candidate_features)

    @classmethod
    def search_space(
        cls,
        hp: HyperParameters,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
    ) -> Config:
        """Registers the width, and whether there are biases."""
        return {
            "embedding_dim": hp.Choice("embedding_dim", [16, 32, 64, 128, 256], default=64),
            "use_bias": hp.Boolean("use_bias", default=True),
        }


register_retriever("mf", MatrixFactorization)
