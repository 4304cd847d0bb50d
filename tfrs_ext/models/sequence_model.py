"""Retrievers that are trained on whole histories, built from columns."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature, History
from tfrs_ext.losses import FullSoftmax
from tfrs_ext.models.embedding_tower import EmbeddingTower
from tfrs_ext.models.gru_tower import GRUTower
from tfrs_ext.models.retrievers import register_retriever
from tfrs_ext.models.sequence_tower import SequenceTower
from tfrs_ext.models.tower import Tower
from tfrs_ext.models.two_tower import TwoTower
from tfrs_ext.negatives import Catalogue, WholeCatalogue
from tfrs_ext.tasks import Retrieval
from tfrs_ext.typing import Config, HyperParameters, TensorLike

_READERS = {"transformer": SequenceTower, "gru": GRUTower}


@keras.saving.register_keras_serializable(package="tfrs_ext")
class SequenceModel(TwoTower):
    """A `TwoTower` whose query tower reads a history in order, and shares the items' vectors.

    `from_features` builds it from columns; with towers of your own, `TwoTower` is enough.

    Args:
        query_model: The tower of histories, `SequenceTower` or `GRUTower`.
        candidate_model: The model of the items; None takes `query_model.item_model`.
        task: What is minimised; `tasks.Retrieval()` where it is None.
        item_id: The column with the ids of the candidates.
        **kwargs: The other arguments of `TwoTower`.

    Call arguments:
        inputs: Mapping of column name to tensor: single rows, or the batches of
            `data.sequence_dataset`, in the forms that `TwoTower` takes.
        training: Whether dropout is on.

    Returns:
        `[B]` float32, the inner product of each pair; `[T]` of a batch of sequences.

    Relations:
        `TwoTower.from_features` averages the history, and trains on single events.

    Example:
        >>> history = History("history", vocabulary=(7, 8, 9), length=4)
        >>> items = Categorical("item_id", vocabulary=(7, 8, 9))
        >>> model = SequenceModel.from_features([history], [items], embedding_dim=8)
        >>> model.candidate_model is model.query_model.item_model
        True

    References:
        Kang and McAuley: Self-Attentive Sequential Recommendation, ICDM 2018. Klenitskiy and
        Vasilev: Turning Dross Into Gold Loss: is BERT4Rec really better than SASRec?, RecSys 2023.
    """

    usual_values: ClassVar[Mapping[str, Any]] = {
        "loss": "full_softmax",
        "optimizer": "adam",
        "batch_size": 4096,
    }
    normalizes: ClassVar[bool] = False
    reads_sequences: ClassVar[bool] = True

    @classmethod
    def from_features(
        cls,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
        task: Retrieval | None = None,
        *,
        item_counts: tuple[TensorLike, TensorLike] | None = None,
        reader: str = "transformer",
        catalogue: Catalogue | None = None,
        embedding_dim: int = 64,
        **arguments: Any,
    ) -> "SequenceModel":
        """Builds the tower of histories and the items' vectors, which both sides share.

        Args:
            query_features: Columns of queries: a `History`, and what else counts. A `Categorical`
                that comes first is the user's id, and is left: the history says who asks.
            candidate_features: Columns of candidates; the first is the item id.
            task: What is minimised; None is the softmax over the items of the history's vocabulary,
                or over those of `catalogue`.
            item_counts: Taken as other retrievers take it, and not needed: nothing is sampled.
            reader: "transformer" or "gru".
            catalogue: The items' columns. With it, items are embedded by all their columns, so that
                new ones are told apart; without, by their ids.
            embedding_dim: D, the width of all vectors.
            **arguments: The other arguments of `SequenceTower` or `GRUTower`.
        """
        if reader not in _READERS:
            raise ValueError(f"`reader` must be one of {tuple(_READERS)}, received {reader!r}.")
        item_id = candidate_features[0].name
        read = query_features[isinstance(query_features[0], Categorical) :]
        items = _make_items(candidate_features, embedding_dim, catalogue is not None)
        tower = _READERS[reader](
            read, items, catalogue, embedding_dim=embedding_dim, name="query_model", **arguments
        )
        if task is None:
            if catalogue is None:
                ids = list(tower.items.history.vocabulary)
                catalogue = Catalogue({item_id: ids}, item_id=item_id)
            task = Retrieval(FullSoftmax(), negatives=WholeCatalogue(catalogue))
        return cls(tower, task=task, item_id=item_id)

    @classmethod
    def missing_columns(
        cls, query_features: Sequence[Feature], candidate_features: Sequence[Feature]
    ) -> list[str]:
        """Returns what is missing of a history and of an item id that comes first."""
        has_history = any(isinstance(feature, History) for feature in query_features)
        has_id = candidate_features and isinstance(candidate_features[0], Categorical)
        missing = [] if has_history else ["a `History`"]
        return missing + ([] if has_id else ["a `Categorical` with the item id first"])

    @classmethod
    def search_space(
        cls,
        hp: HyperParameters,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
    ) -> Config:
        """Registers the widths, the depth and the dropout of the transformer."""
        return {
            "embedding_dim": hp.Choice("embedding_dim", [32, 64, 128], default=64),
            "num_blocks": hp.Int("num_blocks", 1, 3, default=2),
            "num_heads": hp.Choice("num_heads", [1, 2, 4], default=1),
            "gated": hp.Boolean("gated", default=False),
            "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2),
        }


def _make_items(
    features: Sequence[Feature], embedding_dim: int, has_columns: bool
) -> EmbeddingTower | Tower:
    if has_columns:
        return Tower(features, embedding_dim, (), normalize=False, name="candidate_model")
    return EmbeddingTower(features[0], embedding_dim, name="candidate_model")


def _search_gru(
    hp: HyperParameters, query_features: Sequence[Feature], candidate_features: Sequence[Feature]
) -> Config:
    return {
        "embedding_dim": hp.Choice("embedding_dim", [32, 64, 128], default=64),
        "num_layers": hp.Int("num_layers", 1, 2, default=1),
        "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2),
    }


register_retriever("sequence", SequenceModel)
register_retriever("gru", SequenceModel, _search_gru, reader="gru")
