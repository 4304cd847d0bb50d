"""The search space of retrievers."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext.features import Feature, example_inputs
from tfrs_ext.frequencies import CountedFrequency
from tfrs_ext.models import RETRIEVERS, TwoTower
from tfrs_ext.negatives import Catalogue
from tfrs_ext.tasks import Retrieval
from tfrs_ext.tuning.batches import resize_batches
from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.hyper_model import FeatureHyperModel
from tfrs_ext.tuning.space import (
    batch_size,
    loss,
    loss_kinds,
    negatives,
    optimizer,
    retriever,
    temperature,
)
from tfrs_ext.tuning.space.usual import with_defaults
from tfrs_ext.typing import Config, HyperParameters


class RetrievalHyperModel(FeatureHyperModel):
    """Builds and fits a retriever, `models.TwoTower` by default, from hyper-parameters.

    The constructor takes the facts of the data, `build` what may vary, with this package's
    defaults, and `fit` the size of the batches. Everything is a function of `tuning.space`:
    override `build` to leave some out, to add your own, or to take none of ours.

    Args:
        query_features: Columns of the query tower, with their facts.
        candidate_features: Columns of the candidate tower; the first is the item id.
        item_counts: Item ids and how often each occurs in the training data, which the losses
            correct by; None leaves the corrections out.
        catalogue: All items with their raw columns, to draw negatives from; None draws none.
        model: A name out of `models.RETRIEVERS`.
        name: The name of the hypermodel.
        tunable: False fixes the defaults, as for every keras-tuner hypermodel.

    Attributes:
        objective: What to search for, where `callbacks.RetrievalEvaluation` is among the callbacks.
        usual_values: The values that are the model's usual ones, and the defaults here: those of
            its class. Fix them in a search of few trials.

    Raises:
        ValueError: There is no such model, or it needs other features.

    Relations:
        `models.register_retriever` gives a model of your own a name, by which it is built and
        searched here. `RankingHyperModel` searches for models that rank.

    Example:
        >>> from tfrs_ext import tuning
        >>> from tfrs_ext.features import Categorical
        >>> hypermodel = tuning.RetrievalHyperModel(
        ...     [Categorical("user", (1, 2))], [Categorical("item", (7, 8))], ([7, 8], [5, 1]))
        >>> model = hypermodel.build(tuning.fixed({"embedding_dim": 16}))
        >>> model.query_model({"user": tf.constant([2], tf.int64)}).shape
        TensorShape([1, 16])
    """

    # A loss depends on the size of the batch and on the negatives: it can't choose between them.
    objective = keras_tuner.Objective("val_ndcg_at_10", "max")

    def __init__(
        self,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
        item_counts: tuple[Sequence[Any], Sequence[float]] | None = None,
        catalogue: Catalogue | None = None,
        model: str = "two_tower",
        name: str | None = None,
        tunable: bool = True,
    ) -> None:
        super().__init__([*query_features, *candidate_features], name, tunable)
        if model not in RETRIEVERS:
            raise ValueError(
                f"`model` must be one of {tuple(RETRIEVERS)}, received {model!r}; "
                "`models.register_retriever` adds a model of your own."
            )
        self.model = RETRIEVERS[model]
        self.model_name = model
        self.model.check_columns(query_features, candidate_features)
        self.query_features = tuple(query_features)
        self.candidate_features = tuple(candidate_features)
        self.item_counts = item_counts
        self.catalogue = catalogue

    @property
    def usual_values(self) -> Mapping[str, Any]:
        """The values that the model is usually trained with."""
        return self.model.usual_values

    def declare_hyperparameters(self, hp: HyperParameters) -> None:
        """Registers what `fit` reads, so that the first trial varies it too."""
        batch_size(with_defaults(hp, self.usual_values))

    def declare_space(self, hp: HyperParameters) -> None:
        """Registers what `build` reads, in its order.

        Args:
            hp: The hyper-parameters.
        """
        registered: Mapping[str, Any] = getattr(hp, "values", {})
        hp = with_defaults(hp, self.usual_values)
        retriever(hp, self.query_features, self.candidate_features, self.model_name)
        self._task(hp, registered, width=1)
        optimizer(hp)

    def build(self, hp: HyperParameters) -> TwoTower:
        """Returns a compiled model.

        Args:
            hp: The hyper-parameters; `tuning.fixed(values)` fixes them.
        """
        registered: Mapping[str, Any] = getattr(hp, "values", {})
        hp = with_defaults(hp, self.usual_values)
        sides = (self.query_features, self.candidate_features)
        model = self.model.build(*sides, **retriever(hp, *sides, self.model_name))
        model.task = self._task(hp, registered, _width(model, self.candidate_features))
        model.compile(optimizer=optimizer(hp))
        return model

    def _task(self, hp: HyperParameters, registered: Mapping[str, Any], width: int) -> Retrieval:
        # Where embeddings may be of any length, that is their scale already.
        scale = temperature(hp) if self.model.model.normalizes else None
        facts: Config = {
            "has_frequency": self.item_counts is not None,
            "has_catalogue": self.catalogue is not None,
            "num_items": len(self._item_ids),
        }
        criterion = loss(hp, **facts)
        whole = getattr(criterion, "wants_whole_catalogue", False)
        # The full softmax has one source: a search that varied it would try one model twice.
        sampling = [kind for kind in loss_kinds(**facts) if kind != "full_softmax"]
        # A loss of the user's own is no hyper-parameter.
        varies = "loss" in registered
        with hp.conditional_scope("loss", sampling) if varies else contextlib.nullcontext():
            source = self._negatives(hp, width, whole)
        return Retrieval(
            loss=criterion, temperature=scale, negatives=source, remove_accidental_hits=True
        )

    @property
    def _item_ids(self) -> tuple[Any, ...]:
        return getattr(self.candidate_features[0], "vocabulary", ())

    def _negatives(self, hp: HyperParameters, embedding_dim: int, whole: bool) -> Any:
        counts, is_text = self.item_counts, isinstance(next(iter(self._item_ids), 0), str)
        return negatives(
            hp,
            None if counts is None else CountedFrequency(*counts),
            self.catalogue,
            item_counts=None if counts is None else dict(zip(*counts, strict=True)),
            embedding_dim=embedding_dim,
            id_dtype="string" if is_text else "int64",
            whole=whole,
        )

    def fit(
        self,
        hp: HyperParameters,
        model: TwoTower,
        train: tf.data.Dataset | Callable[[int], tf.data.Dataset],
        **kwargs: Any,
    ) -> Any:
        """Fits a model.

        Args:
            hp: The hyper-parameters.
            model: From `build`.
            train: From a batch size to batches of rows, such as
                `lambda size: data.training_dataset(frames, features, size, seed=1)`; or batches,
                whose size is changed.
            **kwargs: What `model.fit` is given: `epochs`, `validation_data`, `callbacks`.

        Returns:
            Keras's `History`.
        """
        return model.fit(resize_batches(hp, train), **kwargs)


def _width(model: TwoTower, candidate_features: Sequence[Feature]) -> int:
    """Returns D, the width of the towers' outputs."""
    return int(model.embed_candidates(example_inputs(candidate_features)).shape[-1])
