"""A query tower that reads a history with a recurrent network."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature
from tfrs_ext.models.history_tower import HistoryTower
from tfrs_ext.negatives import Catalogue
from tfrs_ext.ops.causal_attention import pack_rows, pad_rows
from tfrs_ext.typing import Activation, Config, Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class GRUTower(HistoryTower):
    """Reads a history with gated recurrent units, and other columns with an MLP.

    Training asks at every position, as `SequenceTower` does; one step of the network needs the one
    before it, so that long histories take long. An empty history has zeros for its state.

    Args:
        features: The columns to read: one `History`, and any others but `HistoryTimes`.
        item_model: The model of the items; see `SequenceTower`.
        catalogue: The columns of `item_model` by id; see `SequenceTower`.
        embedding_dim: D, the width of the items' vectors, of the states and of the query.
        num_layers: The number of recurrent layers.
        activation: The activation of the hidden layers.
        dropout: The share of units that is dropped in training: of the items' vectors, between
            layers, and of the hidden layers.
        hidden_units: The widths of the hidden layers over the state and the other columns.
        normalize: Whether queries have unit length.

    Call arguments:
        inputs: Mapping of column name to tensor: the history `[B, L]` padded on the left, ragged
            or sparse, and the other columns `[B]`. The latest `length` items count.
        training: Whether dropout is on.

    Returns:
        `[B, D]` float32.

    Raises:
        ValueError: There isn't one `History`, a number is out of range, or `item_model` has
            another width.

    Relations:
        `SequenceTower` is stronger where much is known of a user.

    Example:
        >>> from tfrs_ext.features import History
        >>> tower = GRUTower([History("history", vocabulary=(7, 8, 9), length=4)], embedding_dim=8)
        >>> tower({"history": tf.constant([[-1, -1, 7, 9]], tf.int64)}).shape
        TensorShape([1, 8])

    References:
        Hidasi and Karatzoglou: Recurrent Neural Networks with Top-k Gains for Session-based
        Recommendations, CIKM 2018.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        item_model: keras.layers.Layer | None = None,
        catalogue: Catalogue | None = None,
        embedding_dim: int = 64,
        num_layers: int = 1,
        activation: Activation = "relu",
        dropout: float = 0.2,
        hidden_units: Sequence[int] = (),
        normalize: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            features,
            item_model,
            catalogue,
            embedding_dim,
            activation,
            dropout,
            hidden_units,
            normalize,
            **kwargs,
        )
        if self._times is not None:
            raise ValueError(
                f"`features` must not hold {self._times.name!r}: `SequenceTower` reads times."
            )
        if num_layers < 1:
            raise ValueError(f"`num_layers` must be at least 1, received num_layers={num_layers}.")
        self.num_layers = num_layers
        self.token_dropout = keras.layers.Dropout(dropout)
        self.recurrent = [
            keras.layers.GRU(embedding_dim, return_sequences=True, name=f"gru_{number}")
            for number in range(num_layers)
        ]
        self.create()

    def read(
        self,
        tokens: tf.Tensor,
        packed: tf.RaggedTensor,
        times: tf.Tensor | None,
        training: Training,
    ) -> tf.Tensor:
        """Returns the last layer's state after each item, `[T, D]`."""
        for layer in self.recurrent:
            tokens = self.token_dropout(tokens, training=training)
            # What is padded stands behind the history, where no real state sees it.
            padded = pad_rows(tokens, packed.row_splits)
            padded = tf.pad(padded, [[0, 0], [0, 1], [0, 0]])  # Keras can't read no steps at all.
            tokens = pack_rows(layer(padded), packed.row_splits)
        return tokens

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {**super().get_config(), "num_layers": self.num_layers}
