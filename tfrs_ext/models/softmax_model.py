"""The softmax model: one class for each item of the catalogue."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature
from tfrs_ext.losses import FullSoftmax
from tfrs_ext.models.embedding_tower import EmbeddingTower
from tfrs_ext.models.retrievers import register_retriever
from tfrs_ext.models.tower import Tower
from tfrs_ext.models.two_tower import TwoTower
from tfrs_ext.negatives import Catalogue, WholeCatalogue
from tfrs_ext.tasks import Retrieval
from tfrs_ext.typing import Activation, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class SoftmaxModel(TwoTower):
    """Predicts the item by a softmax over the catalogue, whose decoder matrix embeds the items.

    `p(i | q) = softmax_i <h(q), V_i>`, with a network `h` on the query's features and a row `V_i`
    for each item.

    Args:
        query_model: The network `h`, from a mapping of columns to `[B, D]`.
        candidate_model: The decoder matrix, an `EmbeddingTower`.
        task: What is minimised; `tasks.Retrieval()` where it is None.
        **kwargs: The other arguments of `TwoTower`; `from_features` makes all of them.

    Call arguments:
        inputs: Mapping of column name to tensor, with the query's columns and item ids `[B]`.
        training: Whether dropout is on.

    Returns:
        `[B]` float32, the logit of each row's item.

    Relations:
        `TwoTower` reads features of items, too, so that new ones can be found; this model knows
        items by their ids. `YouTubeDNN` is this with averaged watches and the example's age.
        `losses.CorrectedSampledSoftmax` estimates the sum where the catalogue is large.

    Example:
        >>> import tensorflow as tf
        >>> from tfrs_ext.features import Numeric
        >>> item = Categorical("item", (7, 8, 9))
        >>> model = SoftmaxModel.from_features([Numeric("age")], [item], embedding_dim=4)
        >>> model.compile("adam")
        >>> rows = {"age": tf.constant([20.0, 60.0]), "item": tf.constant([7, 9])}
        >>> history = model.fit(tf.data.Dataset.from_tensors(rows), verbose=0)

    References:
        Covington, Adams and Sargin: Deep neural networks for YouTube recommendations, RecSys 2016.
    """

    usual_values: ClassVar[Mapping[str, Any]] = {"loss": "full_softmax"}
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
        hidden_units: Sequence[int] = (128,),
        activation: Activation = "relu",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> "SoftmaxModel":
        """Builds the network on the query's columns, and the decoder matrix.

        Args:
            query_features: Columns of queries, with their facts.
            candidate_features: Columns of candidates; the first is the item id, and the others are
                not read.
            task: What is minimised; None is the softmax over all items of the vocabulary.
            item_counts: The item ids and how often each occurs in training, which the softmax over
                all items doesn't need.
            embedding_dim: The width of the embedding tables and of the decoder matrix.
            hidden_units: Widths of the hidden layers.
            activation: Activation of the hidden layers.
            dropout: Share of hidden units that are dropped in training.
            **kwargs: The other arguments of `TwoTower`.
        """
        item = candidate_features[0]
        kwargs.setdefault("item_id", item.name)
        query_model = Tower(
            query_features,
            embedding_dim,
            hidden_units,
            activation=activation,
            dropout=dropout,
            normalize=False,
            name="query_model",
        )
        decoder = EmbeddingTower(item, embedding_dim, name="candidate_model")
        return cls(query_model, decoder, whole_softmax(item) if task is None else task, **kwargs)

    @classmethod
    def missing_columns(
        cls, query_features: Sequence[Feature], candidate_features: Sequence[Feature]
    ) -> list[str]:
        """Returns the item id, where it doesn't come first among the candidate's features."""
        return missing_ids(item=candidate_features)


def whole_softmax(item: Feature) -> Retrieval:
    """Returns the task of a softmax over all items of a vocabulary.

    Args:
        item: The `Categorical` column with the item ids.
    """
    ids = item.vocabulary if isinstance(item, Categorical) else ()
    catalogue = Catalogue({item.name: list(ids)}, item.name)
    return Retrieval(FullSoftmax(), negatives=WholeCatalogue(catalogue))


def missing_ids(**sides: Sequence[Feature]) -> list[str]:
    """Returns a phrase for each side whose first column isn't a `Categorical` with its ids.

    Args:
        **sides: The features of the sides, by the word for what is identified: user or item.
    """
    return [
        f"a `Categorical` with the {whose} id first"
        for whose, features in sides.items()
        if not features or not isinstance(features[0], Categorical)
    ]


register_retriever("softmax", SoftmaxModel)
