"""What a user did, as sequences that a candidate is compared with, column by column."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature, History
from tfrs_ext.models.item_embedding import ItemEmbedding
from tfrs_ext.typing import Training


class BehaviourSequence(NamedTuple):
    """Histories that belong together, and the candidate's columns whose values they hold.

    Attributes:
        histories: Names of histories; the first holds item ids, and its padding is the sequence's.
        columns: Names of the candidate's columns; the first holds its id.
    """

    histories: tuple[str, ...]
    columns: tuple[str, ...]


class Behaviours(NamedTuple):
    """A batch of one sequence, embedded.

    Attributes:
        candidate: `[B, D]`, the candidate's columns side by side.
        keys: `[B, L, D]`, the behaviours likewise, oldest first.
        rows: The rows `[B, L]` of each column's table.
        mask: `[B, L]` bool, False where there is none.
    """

    candidate: tf.Tensor
    keys: tf.Tensor
    rows: list[tf.Tensor]
    mask: tf.Tensor


def find_sequences(
    features: Sequence[Feature], item_id: str
) -> tuple[list[BehaviourSequence], list[Feature]]:
    """Returns the sequences of behaviours, and the features that aren't part of them.

    Args:
        features: The columns to read.
        item_id: Name of the column with the candidate's id.

    Raises:
        ValueError: There is no such column, no history of it, or a history that belongs to none.
    """
    missing = missing_behaviours(features, item_id)
    if missing:
        raise ValueError(
            f"`features` must hold {' and '.join(missing)}; received columns "
            f"{[f.name for f in features]}."
        )
    sides = _side_histories(features, item_id)
    sequences = []
    for history in _histories_of(features, item_id):
        beside = sides.get(history.name, {})
        names = (history.name, *beside.values())
        sequences.append(BehaviourSequence(names, (item_id, *beside)))
    used = {name for sequence in sequences for part in sequence for name in part}
    return sequences, [feature for feature in features if feature.name not in used]


def missing_behaviours(features: Sequence[Feature], item_id: str | None) -> list[str]:
    """Returns what models of behaviours need and the features lack, each a phrase.

    Args:
        features: The columns that are there.
        item_id: Name of the column with the candidate's id, or None.
    """
    items = {f.name: f for f in features if isinstance(f, Categorical)}
    histories = [f for f in features if isinstance(f, History)]
    named = "" if item_id is None else f", named {item_id!r}"
    missing = [] if item_id in items else [f"a `Categorical` with the item's id (`item_id`){named}"]
    if not histories:
        missing.append("a `History`")
    if item_id is None or item_id not in items:
        return missing
    sides = _side_histories(features, item_id)
    known = {f.name for f in _histories_of(features, item_id)}
    known |= {name for beside in sides.values() for name in beside.values()}
    others = [history.name for history in histories if history.name not in known]
    return missing + [f"the vocabulary of {item_id!r} for the history {name!r}" for name in others]


class BehaviourEmbedding(keras.layers.Layer):
    """Embeds the candidate and the behaviours of all sequences, with one table for each column.

    Args:
        features: The columns to read, with their facts.
        sequences: What `find_sequences` returned.
        embedding_dim: The width of every table.

    Call arguments:
        inputs: Mapping of column name to tensor.
        training: Whether the model trains.

    Returns:
        The candidate `[B, D]`, all its columns side by side, and the `Behaviours` of each sequence.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        sequences: Sequence[BehaviourSequence],
        embedding_dim: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.sequences = tuple(sequences)
        self.embedding_dim = embedding_dim
        by_name = {feature.name: feature for feature in features}
        self.tables: dict[str, ItemEmbedding] = {}
        for sequence in sequences:
            for history, column in zip(*sequence, strict=True):
                self._add_table(by_name[history], by_name[column])

    def _add_table(self, history: Feature, column: Feature) -> None:
        assert isinstance(history, History)
        assert isinstance(column, Categorical)
        padding = history.padding
        if column.name not in self.tables:
            table = ItemEmbedding(column, padding, self.embedding_dim)
            self.tables[column.name] = table
        elif self.tables[column.name].padding != padding:
            raise ValueError(
                f"The histories of {column.name!r} must have one `padding`, received "
                f"{self.tables[column.name].padding!r} and {padding!r}."
            )

    def width(self, sequence: BehaviourSequence) -> int:
        """Returns D, the width of a sequence's behaviours."""
        return self.embedding_dim * len(sequence.columns)

    def call(
        self, inputs: Mapping[str, tf.Tensor], training: Training = None
    ) -> tuple[tf.Tensor, list[Behaviours]]:
        """Returns the candidate `[B, D]` and the behaviours of each sequence."""
        candidate = {
            name: table(inputs[name], training=training)[0] for name, table in self.tables.items()
        }
        found = []
        for histories, columns in self.sequences:
            pairs = [
                self.tables[column](inputs[history], training=training)
                for history, column in zip(histories, columns, strict=True)
            ]
            keys, rows = zip(*pairs, strict=True)
            own = tf.concat([candidate[column] for column in columns], -1)
            found.append(Behaviours(own, tf.concat(keys, -1), list(rows), rows[0] > 0))
        return tf.concat(list(candidate.values()), -1), found

    def others(self, sequence: BehaviourSequence, rows: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns behaviours `[B, L, D]` of which every value is another than that in `rows`."""
        pairs = zip(sequence.columns, rows, strict=True)
        return tf.concat([self.tables[column].others(part) for column, part in pairs], -1)


def _histories_of(features: Sequence[Feature], item_id: str) -> list[History]:
    """Returns the histories of item ids."""
    (item,) = [f for f in features if f.name == item_id and isinstance(f, Categorical)]
    vocabulary = set(item.vocabulary)
    beside = _named_beside(features)
    return [
        f
        for f in features
        if isinstance(f, History) and set(f.vocabulary) == vocabulary and f.name not in beside
    ]


def _named_beside(features: Sequence[Feature]) -> dict[str, tuple[str, str]]:
    """Returns from a history such as `clicks_genre` to `("clicks", "genre")`."""
    histories = {f.name: f for f in features if isinstance(f, History)}
    columns = {f.name: f for f in features if isinstance(f, Categorical)}
    return {
        f"{history}_{column}": (history, column)
        for history in histories
        for column in columns
        if f"{history}_{column}" in histories
    }


def _side_histories(features: Sequence[Feature], item_id: str) -> dict[str, dict[str, str]]:
    """Returns for each history of item ids the histories beside it, by the candidate's column."""
    by_name = {feature.name: feature for feature in features}
    sides: dict[str, dict[str, str]] = {}
    for name, (history, column) in _named_beside(features).items():
        side, of, feature = by_name[name], by_name[history], by_name[column]
        assert isinstance(side, History)
        assert isinstance(of, History)
        assert isinstance(feature, Categorical)
        if set(side.vocabulary) != set(feature.vocabulary) or side.length != of.length:
            raise ValueError(
                f"The history {name!r} must hold values of {column!r} in the places of "
                f"{history!r}: give it the vocabulary of the one and the `length` of the other."
            )
        sides.setdefault(history, {})[column] = name
    return sides
