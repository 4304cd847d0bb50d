"""What the models that rank share: features in, a probability or another prediction out."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, example_inputs, read_columns
from tfrs_ext.metrics import GAUC
from tfrs_ext.models.early_slots import EarlySlots
from tfrs_ext.models.frame_input import FrameInput
from tfrs_ext.models.label_checks import OUTSIDE, check_label_values, in_one_line
from tfrs_ext.models.loaded_compilation import compile_as_saved
from tfrs_ext.ops.checks import in_unit
from tfrs_ext.typing import Activation, Columns, Config, HyperParameters, TensorLike, Training


def check_features(features: Sequence[Feature]) -> tuple[Feature, ...]:
    """Returns the columns that a model reads.

    Args:
        features: The columns, as a user gave them.

    Raises:
        ValueError: They are no features, none, or two have one name.
    """
    wanted = "`features` must be a list of features, such as `Categorical` or `Numeric`"
    if isinstance(features, Feature):
        raise ValueError(f"{wanted}, received a `{type(features).__name__}` that is in no list.")
    for feature in features:
        if not isinstance(feature, Feature):
            raise ValueError(f"{wanted}; `data.fit_features` makes them; received {feature!r}.")
    names = [feature.name for feature in features]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"`features` must hold one or more distinct names, received {names}.")
    return tuple(features)


@keras.saving.register_keras_serializable(package="tfrs_ext")
class RankingModel(FrameInput, EarlySlots):
    """A Keras model from raw columns to a prediction, by default a probability.

    Compile and fit it as any Keras model, on batches `(columns, label)` or on a pandas frame:
    `model.compile("adam", "binary_crossentropy", ["AUC"])`,
    `model.fit(frame, frame["clicked"], sample_weight=frame["weight"])`. With the features of both
    sides and of the moment, as in `[*features.query, *features.candidate, *features.context]`, it
    is early fusion: all meets from the first layer on, and each pair costs a pass, where towers
    meet in one product.

    A subclass creates its layers, then calls `create`; it implements `hidden`, and adds its
    arguments to `get_config`. To be searched by `tuning.RankingHyperModel` it says which columns
    it needs (`missing_columns`), how it is built from them (`from_features`) and what is searched
    (`search_space`), and is given a name by `register_ranker`.

    Args:
        features: The columns to read, with their facts; `data.fit_features` makes them.
        output_activation: The activation of the last layer: "sigmoid" for the probability of a
            positive label, None for a logit or a number such as a rating. Every subclass takes it.

    Call arguments:
        inputs: Mapping of column name to tensor. Columns that no feature names are ignored.
        training: Whether the model trains.

    Returns:
        `[B, 1]` float32 predictions.

    Raises:
        ValueError: `features` is empty or repeats a name, a batch lacks a column, or `fit` or
            `evaluate` meets labels that are missing, no numbers, or outside [0, 1] of a
            probability.

    Relations:
        `MultiTask` trains such a model beside a `TwoTower`.
    """

    def __init__(
        self, features: Sequence[Feature], output_activation: Activation = "sigmoid", **kwargs: Any
    ) -> None:
        # In mixed precision Keras would cast raw columns: 1,200,000 is infinite in float16.
        super().__init__(autocast=False, **kwargs)
        self.features = check_features(features)
        self.head = keras.layers.Dense(1, output_activation, dtype="float32", name="head")

    @classmethod
    def missing_columns(
        cls, features: Sequence[Feature], item_id: str | None, user_id: str | None
    ) -> list[str]:
        """Returns what the model needs and `features` lack, each a phrase; empty for nothing.

        Args:
            features: The columns that are there.
            item_id: Name of the column with the item's id, or None where it isn't known.
            user_id: Name of the column with the user's id, or None where it isn't known.
        """
        return []

    @classmethod
    def from_features(
        cls,
        features: Sequence[Feature],
        *,
        item_id: str | None = None,
        user_id: str | None = None,
        **arguments: Any,
    ) -> "RankingModel":
        """Returns the model of those columns that it reads.

        The names of the ids go to the constructor where it has arguments of the same names.

        Args:
            features: All columns that are there, with their facts.
            item_id: Name of the column with the item's id, or None where it isn't known.
            user_id: Name of the column with the user's id, or None where it isn't known.
            **arguments: Further arguments of the class.
        """
        taken = inspect.signature(cls.__init__).parameters
        ids = {"item_id": item_id, "user_id": user_id}
        return cls(features, **{k: v for k, v in ids.items() if k in taken}, **arguments)

    @classmethod
    def search_space(cls, hp: HyperParameters, features: Sequence[Feature]) -> Config:
        """Registers what a search varies, and returns it as arguments of the class.

        Args:
            hp: The hyper-parameters; where another model was chosen, they answer with defaults.
            features: The columns that are there.
        """
        return {}

    def create(self) -> None:
        """Creates all variables: saved files load, and backups are restored, before a call."""
        self(example_inputs(self.features))

    def hidden(self, inputs: Columns, training: Training) -> tf.Tensor:
        """Returns `[B, H]`, of which the prediction is a generalised linear model."""
        raise NotImplementedError

    def call(self, inputs: Columns, training: Training = None) -> tf.Tensor:
        """Returns predictions `[B, 1]`."""
        return self.head(self.hidden(read_columns(inputs, self.features), training))

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Configures the training, as every Keras model does."""
        # Both lists stand behind the optimizer and the loss.
        given = [*args[2:3], kwargs.get("metrics"), kwargs.get("weighted_metrics")]
        if any(isinstance(metric, GAUC) for metric in tf.nest.flatten(given)):
            raise ValueError(
                "`metrics` must be metrics of labels and predictions, received `GAUC`, which also "
                "needs user ids: leave it out of `compile`, and give `fit` the callback "
                "`callbacks.UserAUC(validation_data, user_id)`."
            )
        super().compile(*args, **kwargs)

    def compile_from_config(self, config: Config) -> None:
        """Compiles a loaded model as it was before it was saved."""
        compile_as_saved(self, config)

    @property
    def _is_probability(self) -> bool:
        return self.head.activation is keras.activations.sigmoid

    def check_labels(self, y: Any) -> None:
        """Raises ValueError where labels are missing, no numbers, or no probabilities."""
        check_label_values(y, self._is_probability)

    def _run(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with in_one_line():  # Labels in a dataset are seen when the batch is there.
            return super()._run(method, args, kwargs)

    def compute_loss(
        self,
        x: Columns | None = None,
        y: TensorLike | None = None,
        y_pred: tf.Tensor | None = None,
        sample_weight: TensorLike | None = None,
    ) -> tf.Tensor:
        """Returns Keras's loss; labels outside [0, 1] of a probability are an error."""
        checked = tf.nest.flatten(y) if self._is_probability and y is not None else []
        with tf.control_dependencies([in_unit(labels, OUTSIDE) for labels in checked]):
            # Gradients are made of labels: no step is taken on wrong ones.
            y = tf.nest.map_structure(tf.identity, y) if checked else y
        return super().compute_loss(x, y, y_pred, sample_weight)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            "name": self.name,
            "features": [f.get_config() for f in self.features],
            "output_activation": keras.activations.serialize(self.head.activation),
        }

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: Mapping[str, type] | None = None
    ) -> "RankingModel":
        """Builds the model that `get_config` described."""
        features = [Feature.from_config(feature) for feature in config["features"]]
        return cls(**{**config, "features": features})

    def build_from_config(self, config: Config) -> None:
        """Does nothing: the constructor creates the variables."""
