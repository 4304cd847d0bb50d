"""Negatives that the data name: impressions that weren't clicked."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source
from tfrs_ext.negatives.uncorrected import uncorrected_log_q
from tfrs_ext.typing import Columns, Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Explicit(Source):
    """Takes items that each row of the batch names as negatives, and embeds them.

    With `shared`, every query is compared with what any row of the batch names, so that users of
    all kinds tell their items from those of all others. Without it, a query is compared with what
    its own row names alone: items that are never shown together then learn nothing of each other
    ("folding").

    Args:
        columns: Mapping of the candidate tower's column to the batch's column, `[B]` or `[B, n]`,
            with the negatives' raw features; a str, where the tower takes ids alone.
        item_id: The key of `columns` that holds the ids; None where `columns` is a str.
        padding: The id that stands where a row has fewer than n negatives: -1 or `""`.
        frequency: A layer from ids to the log-probability that one draw of an impression gives
            them (`CountedFrequency` of the impressions), or None: then there is no Q to correct
            with, and each of the N rows has `-log(N)`.
        shared: Whether the queries share the negatives of all rows. If not, the pool has a mask
            `[B, N]`, and the source must be the outermost one.

    Raises:
        ValueError: Where `features` aren't given or lack a column, or `candidate_model` isn't
            given.

    Relations:
        `Mixed` adds negatives from everywhere; docs/folding.md measures what becomes of a model
        without them.

    Example:
        >>> shown = tfrs_ext.negatives.Explicit({"item": "shown_item"}, item_id="item")

    References:
        Xin et al.: Folding: Why Good Models Sometimes Make Spurious Recommendations, RecSys 2017.
    """

    PARTS = ("frequency",)

    def __init__(
        self,
        columns: Mapping[str, str] | str,
        item_id: str | None = None,
        padding: int | str = -1,
        frequency: keras.layers.Layer | None = None,
        shared: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.columns = columns if isinstance(columns, str) else dict(columns)
        if isinstance(columns, str) != (item_id is None) or (
            item_id is not None and item_id not in columns
        ):
            raise ValueError(
                f"`item_id` must be a key of `columns`, or None where `columns` is a str, "
                f"received item_id={item_id!r} and columns={columns!r}."
            )
        self.item_id = item_id
        self.padding = padding
        self.frequency = frequency
        self.shared = shared

    def draw(self, batch: Batch) -> Pool:
        """Returns the batch's positives, and the negatives that its columns name."""
        columns = self._read_columns(batch.features)
        ids = columns[self.item_id or ""]
        kept = tf.reshape(ids, [-1]) != tf.cast(self.padding, ids.dtype)
        mask = None if self.shared else _own_rows(ids, kept)
        items = {
            name: tf.boolean_mask(_flat(column, ids.shape.rank), kept)
            for name, column in columns.items()
        }
        embeddings = batch.embed(items if self.item_id else items[""])
        ids = items[self.item_id or ""]
        if self.frequency is None:  # Nothing to correct with.
            negatives = Candidates(embeddings, ids, uncorrected_log_q(tf.size(ids)))
            return Pool(batch.positives, negatives.like(batch.candidates), mask=mask)
        log_q = self.frequency(ids, training=batch.training)
        negatives = Candidates(embeddings, ids, log_q).like(batch.candidates)
        positives = batch.positives
        positives = positives._replace(log_q=self._density(positives.ids))
        return Pool(positives, negatives, density=self._density, mask=mask)

    def _density(self, ids: tf.Tensor) -> tf.Tensor:
        assert self.frequency is not None
        return self.frequency(ids, training=False)

    def _read_columns(self, features: Columns | None) -> dict[str, tf.Tensor]:
        names = {"": self.columns} if isinstance(self.columns, str) else self.columns
        missing = [name for name in names.values() if name not in (features or {})]
        if features is None or missing:
            raise ValueError(
                f"`features` must have the columns {sorted(names.values())}, received "
                f"{'None' if features is None else sorted(features)}."
            )
        return {name: tf.convert_to_tensor(features[column]) for name, column in names.items()}

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "columns": self.columns,
            "item_id": self.item_id,
            "padding": self.padding,
            "shared": self.shared,
        }


def _flat(column: tf.Tensor, id_rank: int) -> tf.Tensor:
    # A row of the result is one negative: the axes of the ids become one.
    return tf.reshape(column, tf.concat([[-1], tf.shape(column)[id_rank:]], axis=0))


def _own_rows(ids: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
    """Returns which of the negatives that are kept each row names itself, `[B, N]` bool."""
    rows = tf.range(tf.shape(ids)[0])
    named_by = tf.repeat(rows, tf.size(ids) // tf.maximum(tf.size(rows), 1))
    return tf.boolean_mask(named_by, kept) == rows[:, tf.newaxis]
