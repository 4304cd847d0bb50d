"""What towers share that read a history item by item."""

import abc
from collections.abc import Sequence
from typing import Any, TypeVar

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import (
    Feature,
    FeatureEncoder,
    History,
    HistoryTimes,
    example_inputs,
    read_columns,
)
from tfrs_ext.layers import MLP
from tfrs_ext.models.history_items import HistoryItems
from tfrs_ext.negatives import Catalogue
from tfrs_ext.typing import Activation, Columns, Config, Training

_Tower = TypeVar("_Tower", bound="HistoryTower")


class HistoryTower(keras.Model, abc.ABC):
    """Embeds the items of a history, reads them in order, and adds the other columns by an MLP.

    A subclass implements `read`, creates its layers after this constructor, and calls `create`.

    Args:
        features: The columns to read: one `History`, and any others.
        item_model: The model of the items, or None; see `SequenceTower`.
        catalogue: The columns of `item_model` by id, or None.
        embedding_dim: D, the width of the items' vectors and of the query.
        activation: The activation of the hidden layers, as `layers.MLP` takes it.
        dropout: The share of units that is dropped in training.
        hidden_units: The widths of the hidden layers over the state and the other columns.
        normalize: Whether queries have unit length.
        **kwargs: Arguments of Keras models, such as `name`.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        item_model: keras.layers.Layer | None,
        catalogue: Catalogue | None,
        embedding_dim: int,
        activation: Activation,
        dropout: float,
        hidden_units: Sequence[int],
        normalize: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # Raw columns are no activations.
        sizes = (embedding_dim, *hidden_units)
        if min(sizes) < 1 or not 0.0 <= dropout < 1.0:
            raise ValueError(
                "`embedding_dim` and `hidden_units` must be at least 1, and `dropout` at least 0 "
                f"and below 1, received {embedding_dim}, {tuple(hidden_units)} and {dropout}."
            )
        self._history, self._times, others = _split_history(features)
        self.features = tuple(features)
        self.embedding_dim, self.hidden_units = embedding_dim, tuple(hidden_units)
        self.activation = MLP(hidden_units, activation).get_config()["activation"]
        self.dropout, self.normalize = dropout, normalize
        self.items = HistoryItems(self._history, embedding_dim, item_model, catalogue)
        self.encoder = FeatureEncoder(others, embedding_dim, name="features") if others else None
        self.hidden = [MLP((units,), activation, dropout) for units in hidden_units]
        self.projection = None
        if others or hidden_units:
            self.projection = keras.layers.Dense(embedding_dim, name="projection")

    @abc.abstractmethod
    def read(
        self,
        tokens: tf.Tensor,
        packed: tf.RaggedTensor,
        times: tf.Tensor | None,
        training: Training,
    ) -> tf.Tensor:
        """Returns the state after each item, which depends on nothing behind it.

        Args:
            tokens: `[T, D]`, the vectors of all items, one history after the other.
            packed: `[S, (L)]`, their ids.
            times: `[T]` int64, when they were taken; None without a `features.HistoryTimes`.
            training: Whether dropout is on.

        Returns:
            `[T, D]`.
        """

    def create(self) -> None:
        """Creates the variables, so that saved files load before a first call."""
        self(example_inputs(self.features))

    @property
    def item_model(self) -> keras.layers.Layer:
        """The model of the items in histories, which `TwoTower` takes for the candidates."""
        return self.items.model

    def call(self, inputs: Columns, training: Training = None) -> tf.Tensor:
        """Returns the queries `[B, D]`, one for each history."""
        columns = read_columns(inputs, self.features)
        history = columns[self._history.name][:, -self._history.length :]
        is_item = history != self._history.padding
        packed, times = tf.ragged.boolean_mask(history, is_item), None
        if self._times is not None:
            times = tf.boolean_mask(columns[self._times.name][:, -self._history.length :], is_item)
        states = self.read(self.items(packed.values), packed, times, training)
        # A row of zeros behind all states is what an empty history has.
        states = tf.pad(states, [[0, 1], [0, 0]])
        last = tf.where(packed.row_lengths() > 0, packed.row_splits[1:] - 1, packed.row_splits[-1])
        return self._answer(tf.gather(states, last), columns, None, training)

    def embed_positions(self, inputs: Columns, training: Training = None) -> tf.Tensor:
        """Returns a query for each item of the histories, which knows what stands up to it.

        Args:
            inputs: Mapping of column name to tensor: the history ragged `[S, (L)]`, at most
                `length` items each, and the other columns `[S]`.
            training: Whether dropout is on.

        Returns:
            `[T, D]` float32, T items in the order in which they stand in the histories.

        Raises:
            ValueError: The history isn't ragged.
            InvalidArgumentError: A history is longer than `length`.
        """
        packed = inputs.get(self._history.name)
        if not isinstance(packed, tf.RaggedTensor):
            raise ValueError(
                f"`inputs[{self._history.name!r}]` must be ragged, [S, (L)], as "
                f"`data.sequence_dataset` gives it, received a {type(packed).__name__}."
            )
        columns = read_columns(inputs, self.encoder.features if self.encoder else ())
        with tf.control_dependencies([self._check_length(packed)]):
            tokens = self.items(packed.values)
        states = self.read(tokens, packed, self._times_of(inputs, packed), training)
        return self._answer(states, columns, packed.value_rowids(), training)

    def _times_of(self, inputs: Columns, packed: tf.RaggedTensor) -> tf.Tensor | None:
        """Returns when each item of ragged histories was taken, `[T]`."""
        if self._times is None:
            return None
        times = inputs.get(self._times.name)
        if not isinstance(times, tf.RaggedTensor):
            raise ValueError(
                f"`inputs[{self._times.name!r}]` must be ragged, [S, (L)], with a time for each "
                f"item of {self._history.name!r}, received a {type(times).__name__}."
            )
        message = f"{self._times.name!r} must have a time for each item of {self._history.name!r}."
        same = tf.debugging.assert_equal(times.row_splits, packed.row_splits, message)
        with tf.control_dependencies([same]):
            return tf.identity(times.values)

    def _check_length(self, packed: tf.RaggedTensor) -> tf.Operation:
        return tf.debugging.assert_less_equal(
            packed.row_lengths(),
            tf.cast(self._history.length, packed.row_splits.dtype),
            f"histories must hold at most {self._history.length} items, the feature's `length`: "
            "give `data.sequence_dataset` this `max_length`.",
        )

    def _answer(
        self, states: tf.Tensor, columns: Columns, owners: tf.Tensor | None, training: Training
    ) -> tf.Tensor:
        """Returns the queries of states, of which number i belongs to row `owners[i]`, or to i."""
        outputs = states
        if self.encoder is not None:
            encoded = self.encoder(columns, training=training)
            encoded = encoded if owners is None else tf.gather(encoded, owners)
            outputs = tf.concat([states, encoded], axis=1)
        for layer in self.hidden:
            outputs = layer(outputs, training=training)
        if self.projection is not None:
            outputs = self.projection(outputs)
        outputs = tf.cast(outputs, tf.float32)
        return tf.math.l2_normalize(outputs, axis=1) if self.normalize else outputs

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            "name": self.name,
            "features": [feature.get_config() for feature in self.features],
            **self.items.describe(),
            "embedding_dim": self.embedding_dim,
            "activation": self.activation,
            "dropout": self.dropout,
            "hidden_units": list(self.hidden_units),
            "normalize": self.normalize,
        }

    @classmethod
    def from_config(
        cls: type[_Tower], config: Config, custom_objects: Config | None = None
    ) -> _Tower:
        """Builds the tower that `get_config` described."""
        config = dict(config)
        for part in ("item_model", "catalogue"):
            if config[part] is not None:
                config[part] = keras.saving.deserialize_keras_object(config[part], custom_objects)
        features = [Feature.from_config(feature) for feature in config["features"]]
        return cls(**{**config, "features": features})

    def build_from_config(self, config: Config) -> None:
        """Does nothing: the constructor creates the variables."""


def _split_history(
    features: Sequence[Feature],
) -> tuple[History, HistoryTimes | None, list[Feature]]:
    histories = [feature for feature in features if isinstance(feature, History)]
    if len(histories) != 1:
        raise ValueError(
            "`features` must hold one `features.History`, received columns "
            f"{[feature.name for feature in features]}, {len(histories)} of them histories."
        )
    times = next((feature for feature in features if isinstance(feature, HistoryTimes)), None)
    others = [feature for feature in features if feature not in (histories[0], times)]
    return histories[0], times, others
