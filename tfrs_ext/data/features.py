"""What the towers must know about their inputs, learnt from training rows alone."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_ext.data._columns import to_array
from tfrs_ext.data.frames import Frames
from tfrs_ext.data.schema import HISTORY, Kind
from tfrs_ext.features import Categorical, Feature, History, Numeric, Text, Timestamp

_QUANTILES = 101


@dataclasses.dataclass(frozen=True)
class FeatureSet:
    """The input columns of the two towers.

    Args:
        query: Features of the query tower; the first is the user id.
        candidate: Features of the candidate tower; the first is the item id.
    """

    query: tuple[Feature, ...]
    candidate: tuple[Feature, ...]

    @property
    def history(self) -> History:
        """The query's history of items."""
        return next(feature for feature in self.query if isinstance(feature, History))

    def get_config(self) -> dict[str, Any]:
        """Returns a JSON-able description, for `FeatureSet.from_config`."""
        return {
            "query": [feature.get_config() for feature in self.query],
            "candidate": [feature.get_config() for feature in self.candidate],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FeatureSet":
        """Builds the feature set that `get_config` described."""
        return cls(*(tuple(map(Feature.from_config, config[k])) for k in ("query", "candidate")))


def fit_features(frames: Frames, history_length: int = 50, min_word_count: int = 2) -> FeatureSet:
    """Fits vocabularies, means and ranges to the users and items that occur in the interactions.

    Give it the training part only. Users and items that occur in the tables alone teach nothing:
    their ids fall outside the vocabulary, while their features are embedded like all others.

    Args:
        frames: The training part.
        history_length: How many of the user's latest items the query holds.
        min_word_count: In how many rows of its table a word must occur to enter a vocabulary.

    Returns:
        The query's features (user id, user features, `"history"`) and the candidate's (item id,
        item features).

    Raises:
        ValueError: If `history_length` or `min_word_count` is below 1.

    Example:
        >>> from tfrs_ext.data import synthetic
        >>> features = fit_features(synthetic(50, 60, 6)[0])
        >>> [feature.name for feature in features.query]
        ['user_id', 'segment', 'age', 'history']
    """
    for name, value in (("history_length", history_length), ("min_word_count", min_word_count)):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1, received {value}.")
    schema = frames.schema
    users = frames.users.iloc[np.unique(frames.user_rows())]
    items = frames.items.iloc[np.unique(frames.item_rows())]
    item_id = _categorical(schema.item_id, items[schema.item_id])
    history = History(HISTORY, vocabulary=item_id.vocabulary, length=history_length)
    return FeatureSet(
        query=(
            _categorical(schema.user_id, users[schema.user_id]),
            *_fit(users, schema.user_features, min_word_count),
            history,
        ),
        candidate=(item_id, *_fit(items, schema.item_features, min_word_count)),
    )


def _fit(
    table: pd.DataFrame, kinds: Mapping[str, Kind], min_word_count: int
) -> tuple[Feature, ...]:
    fits = {
        "categorical": _categorical,
        "numeric": _numeric,
        "timestamp": _timestamp,
        "text": lambda name, column: _text(name, column, min_word_count),
    }
    return tuple(fits[kind](name, table[name]) for name, kind in kinds.items())


def _categorical(name: str, column: "pd.Series[Any]") -> Categorical:
    # A missing value belongs to no category: it shares the embedding of unknown ones.
    present = to_array(column.dropna(), Categorical(name))
    return Categorical(name, vocabulary=tuple(np.unique(present).tolist()))


def _numeric(name: str, column: "pd.Series[Any]") -> Numeric:
    values = column.dropna().to_numpy(np.float64)
    if not len(values):
        return Numeric(name)
    quantiles = np.quantile(values, np.linspace(0, 1, _QUANTILES))
    return Numeric(
        name,
        mean=float(values.mean()),
        std=float(values.std()) or 1.0,
        quantiles=tuple(quantiles.tolist()),
    )


def _timestamp(name: str, column: "pd.Series[Any]") -> Timestamp:
    present = column.dropna().to_numpy(np.int64)
    if not len(present):
        return Timestamp(name)
    low = int(present.min())
    return Timestamp(name, minimum=low, maximum=max(low + 1, int(present.max())))


def _text(name: str, column: "pd.Series[Any]", min_word_count: int) -> Text:
    texts = Text.words(tf.constant(to_array(column, Text(name)), tf.string))
    rows = Counter(word for text in texts.to_list() for word in set(text))
    counted = [(-count, word.decode()) for word, count in rows.items()]
    frequent = [pair for pair in counted if -pair[0] >= min_word_count]
    return Text(name, vocabulary=tuple(word for _, word in sorted(frequent)))
