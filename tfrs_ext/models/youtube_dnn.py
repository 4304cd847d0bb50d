"""YouTube's candidate generation."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature, History
from tfrs_ext.models.embedding_tower import EmbeddingTower
from tfrs_ext.models.retrievers import register_retriever
from tfrs_ext.models.softmax_model import missing_ids
from tfrs_ext.models.two_tower import TwoTower, recommended_task
from tfrs_ext.models.youtube_tower import YouTubeTower
from tfrs_ext.tasks import Retrieval
from tfrs_ext.typing import Config, HyperParameters, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class YouTubeDNN(TwoTower):
    """Predicts the next watch by a softmax over videos, from what the user watched and searched.

    `p(w = i | u) = softmax_i <h(u), V_i>`, where `h` is a pyramid of ReLU layers, the last among
    them, on the mean embedding of the watches, the mean embeddings of search tokens, the context,
    and the age of the example: `[age, age^2, sqrt(age)]`. A `features.History` holds the watches, a
    `Text` or `Categories` the tokens of searches, and columns of any kind the context.

    The age is read in training alone, and is 0 otherwise: there the model answers as of the end of
    the training data. `data.training_dataset(…, rows_per_user=…, example_age="example_age")` gives
    the ages, histories that end before each row, and the same number of rows for every user.

    Args:
        query_model: The network `h`.
        candidate_model: The matrix of videos `V`, an `EmbeddingTower`.
        task: What is minimised; `tasks.Retrieval()` where it is None.
        **kwargs: The other arguments of `TwoTower`; `from_features` makes all of them.

    Call arguments:
        inputs: Mapping of column name to tensor, with the query's columns and item ids `[B]`; in
            training with the column of ages `[B]`, from 0 for the newest row to 1 for the oldest.
        training: Whether the model trains.

    Returns:
        `[B]` float32, the logit of each row's item.

    Raises:
        ValueError: A batch of training lacks the ages.

    Relations:
        `YouTubeRanker` orders what this model finds. `SoftmaxModel` reads the user's id as well,
        and weighs the history by recency.

    Example:
        >>> from tfrs_ext.features import Text
        >>> watched, searched = History("watched", (7, 8, 9), 3), Text("searched", ("cats",))
        >>> video = Categorical("video", (7, 8, 9))
        >>> model = YouTubeDNN.from_features([watched, searched], [video], embedding_dim=4)
        >>> now = {"watched": tf.constant([[-1, 7, 9]]), "searched": tf.constant(["cats"])}
        >>> model.query_model(now).shape
        TensorShape([1, 4])

    References:
        Covington, Adams and Sargin: Deep neural networks for YouTube recommendations, RecSys 2016,
        doi:10.1145/2959100.2959190.
    """

    normalizes: ClassVar[bool] = False
    training_options: ClassVar[Mapping[str, Any]] = {
        "rows_per_user": 32,
        "example_age": "example_age",
    }

    @classmethod
    def from_features(
        cls,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
        task: Retrieval | None = None,
        *,
        item_counts: tuple[TensorLike, TensorLike] | None = None,
        embedding_dim: int = 64,
        hidden_units: Sequence[int] = (256, 128),
        dropout: float = 0.0,
        example_age: str | None = "example_age",
        **kwargs: Any,
    ) -> "YouTubeDNN":
        """Builds the network on the query's columns, and the matrix of videos.

        Args:
            query_features: Columns of queries. Where the first is `Categorical`, it is the user id,
                which isn't read: users are what they watched.
            candidate_features: Columns of candidates; the first is the item id, and the others are
                not read.
            task: What is minimised; None is the softmax over the batch, corrected by the counts.
            item_counts: The item ids and how often each occurs in training; only where `task` is
                None.
            embedding_dim: D, the width of the embedding tables and of the towers' outputs.
            hidden_units: Widths of the layers below the last, whose width is D.
            dropout: Share of the units below the last layer that are dropped in training.
            example_age: The column with the ages of training rows; None for none.
            **kwargs: The other arguments of `TwoTower`.
        """
        has_user_id = isinstance(query_features[0], Categorical)
        kwargs.setdefault("item_id", candidate_features[0].name)
        query_model = YouTubeTower(
            query_features[has_user_id:],
            embedding_dim,
            hidden_units,
            dropout,
            example_age,
            name="query_model",
        )
        videos = EmbeddingTower(candidate_features[0], embedding_dim, name="candidate_model")
        return cls(query_model, videos, recommended_task(task, item_counts), **kwargs)

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns the task's loss, and refuses a batch of training without the ages."""
        age = getattr(self.query_model, "example_age", None)
        if training and age is not None and age not in inputs:
            raise ValueError(
                f"`inputs` must hold {age!r} in training, received the columns {sorted(inputs)}: "
                "`data.training_dataset` adds it where `example_age` names it, and a model with "
                "`example_age=None` doesn't read it."
            )
        return super().compute_loss(inputs, training)

    @classmethod
    def missing_columns(
        cls, query_features: Sequence[Feature], candidate_features: Sequence[Feature]
    ) -> list[str]:
        """Returns the history and the item id, where they aren't there."""
        has_history = any(isinstance(feature, History) for feature in query_features)
        return ["a `History`"] * (not has_history) + missing_ids(item=candidate_features)

    @classmethod
    def search_space(
        cls,
        hp: HyperParameters,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
    ) -> Config:
        """Registers the width of the top, how many layers stand below it, and the dropout.

        Each layer is twice as wide as the one above it.
        """
        top = hp.Choice("embedding_dim", [32, 64, 128, 256], default=64)
        num_layers = hp.Int("num_layers", 0, 3, default=2)
        return {
            "embedding_dim": top,
            "hidden_units": tuple(top << layer for layer in range(num_layers, 0, -1)),
            "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.0),
        }


register_retriever("youtube_dnn", YouTubeDNN)
