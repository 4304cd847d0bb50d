"""DSSM: texts that find texts."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, Trigrams
from tfrs_ext.frequencies import CountedFrequency
from tfrs_ext.layers import LearnableTemperature
from tfrs_ext.losses import SampledSoftmax
from tfrs_ext.models.dssm_tower import DSSMTower
from tfrs_ext.models.retrievers import register_retriever
from tfrs_ext.models.two_tower import TwoTower
from tfrs_ext.negatives import InBatch, PerQuery, Source
from tfrs_ext.tasks import Retrieval
from tfrs_ext.typing import Config, HyperParameters, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DSSM(TwoTower):
    """Scores a query and a document by the cosine of two towers over letter trigrams.

    `P(d | q) = exp(gamma cos(y_q, y_d)) / sum_{d'} exp(gamma cos(y_q, y_d'))`, over the document
    that was clicked and a few that weren't.

    `from_features` builds the paper's model: towers of tanh, 300-300-128, four documents of the
    batch for each query. Words are known by their letters, so a query with a typo, or with a word
    that training never saw, is understood by what it shares with others.

    Args:
        query_model: The tower of the queries.
        candidate_model: The tower of the documents; None where they share the query tower's
            weights.
        task: What is minimised; `tasks.Retrieval()` where it is None.
        **kwargs: The other arguments of `TwoTower`; `from_features` makes all of them.

    Call arguments:
        inputs: Mapping of column name to tensor: queries and documents, strings `[B]`, and the
            documents' ids `[B]`.
        training: Whether the model trains.

    Returns:
        `[B]` float32, the cosine of each row's pair.

    Relations:
        `TwoTower.from_features` takes texts beside other columns, as `features.Trigrams` or
        `features.Text`. `layers.LetterTrigrams` is the word hashing alone.

    Example:
        >>> import tensorflow as tf
        >>> from tfrs_ext.features import Categorical
        >>> query, title = Trigrams("query", num_buckets=512), Trigrams("title", num_buckets=512)
        >>> model = DSSM.from_features([query], [Categorical("item", (7, 8)), title])
        >>> model.query_model({"query": tf.constant(["star wars", "satr wars"])}).shape
        TensorShape([2, 128])

    References:
        Huang et al.: Learning Deep Structured Semantic Models for Web Search using Clickthrough
        Data, CIKM 2013, doi:10.1145/2505515.2505665. It doesn't tell gamma; 10 is what later code
        takes.
    """

    usual_values: ClassVar[Mapping[str, Any]] = {"loss": "sampled_softmax"}

    @classmethod
    def from_features(
        cls,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
        task: Retrieval | None = None,
        *,
        item_counts: tuple[TensorLike, TensorLike] | None = None,
        hidden_units: Sequence[int] = (300, 300, 128),
        shared: bool = False,
        gamma: float = 10.0,
        learn_gamma: bool = False,
        negatives: Source | None = None,
        **kwargs: Any,
    ) -> "DSSM":
        """Builds both towers, and the paper's task.

        Args:
            query_features: Columns of queries, of which the first `Trigrams` is read.
            candidate_features: Columns of documents: the first is the id, and the first `Trigrams`
                is read.
            task: What is minimised, instead of what the arguments below describe.
            item_counts: The item ids and how often each occurs in training: where they are known,
                logQ corrects for documents that come often.
            hidden_units: The widths of the layers; the last is that of the embeddings.
            shared: Whether both towers have the same weights, which needs the same trigrams in
                both columns. With texts that are much alike on both sides, it halves the model.
            gamma: The smoothing, what cosines are multiplied by: one by the temperature.
            learn_gamma: Whether gamma is learned from there, between 1 and 100.
            negatives: Where the other documents come from; None draws four of the batch for each
                query.
            **kwargs: The other arguments of `TwoTower`.

        Raises:
            ValueError: A side has no `Trigrams`, gamma isn't positive, or `task` is given together
                with what describes another.
        """
        missing = cls.missing_columns(query_features, candidate_features)
        if missing:
            raise ValueError(f"`DSSM` must have {' and '.join(missing)}, received none.")
        described = (item_counts, gamma, learn_gamma, negatives)
        if task is not None and described != (None, 10.0, False, None):
            raise ValueError(
                "`item_counts`, `gamma`, `learn_gamma` and `negatives` must be left out where "
                "`task` is given, received both: give them to the task."
            )
        kwargs.setdefault("item_id", candidate_features[0].name)
        query, document = _first_text(query_features), _first_text(candidate_features)
        tower = DSSMTower(query, hidden_units, document if shared else None, name="query_model")
        return cls(
            tower,
            None if shared else DSSMTower(document, hidden_units, name="candidate_model"),
            task or _make_task(item_counts, gamma, learn_gamma, negatives),
            **kwargs,
        )

    @classmethod
    def missing_columns(
        cls, query_features: Sequence[Feature], candidate_features: Sequence[Feature]
    ) -> list[str]:
        """Returns the sides that have no texts as letter trigrams, each a phrase.

        Args:
            query_features: Columns of queries, with their facts.
            candidate_features: Columns of documents; the first is the id.
        """
        sides = {"query": query_features, "document": candidate_features}
        return [
            f"a column of kind `trigrams` of the {side}"
            for side, features in sides.items()
            if not any(isinstance(feature, Trigrams) for feature in features)
        ]

    @classmethod
    def search_space(
        cls,
        hp: HyperParameters,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
    ) -> Config:
        """Registers the widths, and whether the towers share their weights where they can.

        Args:
            hp: The hyper-parameters, of keras-tuner or `tuning.fixed`.
            query_features: Columns of queries, with their facts.
            candidate_features: Columns of documents; the first is the id.
        """
        units = hp.Choice("hidden_units", [150, 300, 600], default=300)
        width = hp.Choice("embedding_dim", [64, 128, 256], default=128)
        query, document = _first_text(query_features), _first_text(candidate_features)
        same = (query.vocabulary, query.num_buckets) == (document.vocabulary, document.num_buckets)
        return {
            "hidden_units": (units, units, width),
            "shared": hp.Boolean("shared", default=False) if same else False,
        }


def _first_text(features: Sequence[Feature]) -> Trigrams:
    return next(feature for feature in features if isinstance(feature, Trigrams))


def _make_task(
    item_counts: tuple[TensorLike, TensorLike] | None,
    gamma: float,
    learn_gamma: bool,
    negatives: Source | None,
) -> Retrieval:
    if not gamma > 0:
        raise ValueError(f"`gamma` must be positive, received {gamma=}.")
    if item_counts is not None and negatives is not None:
        raise ValueError(
            "`item_counts` must be None where `negatives` is given, received both: give the counts "
            "to the source, as its `frequency`."
        )
    frequency = None if item_counts is None else CountedFrequency(*item_counts)
    return Retrieval(
        SampledSoftmax("logq_if_known"),
        temperature=LearnableTemperature(1.0 / gamma) if learn_gamma else 1.0 / gamma,
        remove_accidental_hits=True,
        negatives=PerQuery(4, InBatch(frequency)) if negatives is None else negatives,
    )


register_retriever("dssm", DSSM)
