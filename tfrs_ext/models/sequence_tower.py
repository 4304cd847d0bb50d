"""A query tower that reads a history in its order."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature
from tfrs_ext.layers import CausalTransformer
from tfrs_ext.models.history_tower import HistoryTower
from tfrs_ext.negatives import Catalogue
from tfrs_ext.typing import Activation, Config, Training

_TIME_BUCKETS = 32  # Of seconds, each twice as long as the one before: the last is 68 years.


@keras.saving.register_keras_serializable(package="tfrs_ext")
class SequenceTower(HistoryTower):
    """Reads a history with a causal transformer, and other columns with an MLP.

    An item's vector times sqrt(D), and a learned one for its place, go through
    `layers.CausalTransformer` blocks; the state at the last item is the query. Where there are
    other columns or hidden layers, the state and the encoded columns go through them, and a
    projection gives the query.

    Every item of the history is a query of its own in training: `TwoTower` embeds the batches of
    `data.sequence_dataset` by `embed_positions`, at a cost that is linear in the number of items.
    Padding is neither embedded nor scored. An empty history has zeros for its state.

    Args:
        features: The columns to read: one `History`, and any others. With the history's
            `HistoryTimes`, attention also depends on how long ago an item was taken.
        item_model: From `{column: [n]}` to embeddings `[n, D]`: the candidate tower, so that
            histories and candidates share the items' embeddings; with other columns than the ids,
            `catalogue` says them. None makes a `models.EmbeddingTower` of the history's ids, whose
            column is "item_id".
        catalogue: The items' columns by id, which `item_model` reads. An item that it lacks has
            zeros for its vector.
        embedding_dim: D, the width of the states and of the query; `item_model` must have it.
        num_blocks: The number of transformer blocks.
        num_heads: The number of attention heads, a divisor of D.
        feed_forward_units: The width of the blocks' feed-forward networks; None is D.
        activation: The activation of the feed-forward networks and of the hidden layers.
        gated: Whether the feed-forward networks have a gate.
        dropout: The share of units that is dropped in training: of the tokens, of both parts of a
            block, and of the hidden layers.
        pre_norm: Whether the parts of a block normalise their inputs, or the sums.
        use_positions: Whether places have vectors; without them, the causal mask alone tells the
            order.
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
        `GRUTower` is lighter. `Tower` averages the history, and trains on single events.

    Example:
        >>> from tfrs_ext.features import History
        >>> history = History("history", vocabulary=(7, 8, 9), length=4)
        >>> tower = SequenceTower([history], embedding_dim=8, num_blocks=1)
        >>> tower({"history": tf.constant([[-1, -1, 7, 9]], tf.int64)}).shape
        TensorShape([1, 8])

    References:
        Kang and McAuley: Self-Attentive Sequential Recommendation, ICDM 2018. Klenitskiy and
        Vasilev: Turning Dross Into Gold Loss: is BERT4Rec really better than SASRec?, RecSys 2023.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        item_model: keras.layers.Layer | None = None,
        catalogue: Catalogue | None = None,
        embedding_dim: int = 64,
        num_blocks: int = 2,
        num_heads: int = 1,
        feed_forward_units: int | None = None,
        activation: Activation = "gelu",
        gated: bool = False,
        dropout: float = 0.2,
        pre_norm: bool = True,
        use_positions: bool = True,
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
        self.num_blocks, self.num_heads = num_blocks, num_heads
        self.feed_forward_units, self.gated = feed_forward_units, gated
        self.pre_norm, self.use_positions = pre_norm, use_positions
        self.places = None
        if use_positions:
            self.places = keras.layers.Embedding(self._history.length, embedding_dim, name="places")
        self.token_dropout = keras.layers.Dropout(dropout)
        self.blocks = [self._make_block() for _ in range(num_blocks)]
        self.final_norm = None
        if pre_norm and self.blocks:
            self.final_norm = keras.layers.LayerNormalization(epsilon=1e-6, name="final_norm")
        self.create()

    def _make_block(self) -> CausalTransformer:
        return CausalTransformer(
            self.num_heads,
            self.feed_forward_units,
            self.activation,
            self.gated,
            self.dropout,
            self.pre_norm,
            0 if self._times is None else _TIME_BUCKETS,
        )

    def read(
        self,
        tokens: tf.Tensor,
        packed: tf.RaggedTensor,
        times: tf.Tensor | None,
        training: Training,
    ) -> tf.Tensor:
        """Returns the last block's state at each item, `[T, D]`."""
        # Beside the blocks' outputs, which are about 1, fresh vectors of items would be lost.
        tokens *= self.embedding_dim**0.5
        if self.places is not None:
            tokens += self.places(tf.ragged.range(packed.row_lengths()).values)
        tokens = self.token_dropout(tokens, training=training)
        for block in self.blocks:
            tokens = block(tokens, packed.row_splits, times, training=training)
        return tokens if self.final_norm is None else self.final_norm(tokens)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "num_blocks": self.num_blocks,
            "num_heads": self.num_heads,
            "feed_forward_units": self.feed_forward_units,
            "gated": self.gated,
            "pre_norm": self.pre_norm,
            "use_positions": self.use_positions,
        }
