"""What the towers must know about their inputs, learnt from training rows alone."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tfrs_ext.data.frames import Frames
from tfrs_ext.data.schema import HISTORY, FeatureKind, kind_and_options
from tfrs_ext.features import Categorical, Feature, History
from tfrs_ext.typing import Config


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

    @property
    def of_users(self) -> tuple[Feature, ...]:
        """The query's features that are columns of the user table."""
        return tuple(feature for feature in self.query if feature is not self.history)

    def get_config(self) -> Config:
        """Returns a JSON-able description, for `FeatureSet.from_config`."""
        return {
            "query": [feature.get_config() for feature in self.query],
            "candidate": [feature.get_config() for feature in self.candidate],
        }

    @classmethod
    def from_config(cls, config: Config) -> "FeatureSet":
        """Builds the feature set that `get_config` described."""
        return cls(*(tuple(map(Feature.from_config, config[k])) for k in ("query", "candidate")))


def fit_features(frames: Frames, history_length: int = 50) -> FeatureSet:
    """Fits vocabularies, means and ranges to the users and items that occur in the interactions.

    Give it the training part only. Users and items that occur in the tables alone teach nothing:
    their ids fall outside the vocabulary, while their features are embedded like all others.

    Args:
        frames: The training part.
        history_length: How many of the user's latest items the query holds.

    Returns:
        The query's features (user id, user features, `"history"`) and the candidate's (item id,
        item features).

    Raises:
        ValueError: If `history_length` is below 1.

    Example:
        >>> from tfrs_ext.data import synthetic
        >>> features = fit_features(synthetic(50, 60, 6)[0])
        >>> [feature.name for feature in features.query]
        ['user_id', 'segment', 'age', 'history']
    """
    if history_length < 1:
        raise ValueError(f"`history_length` must be at least 1, received {history_length}.")
    schema = frames.schema
    users = frames.users.iloc[np.unique(frames.user_rows())]
    items = frames.items.iloc[np.unique(frames.item_rows())]
    item_id = Categorical.fit(schema.item_id, items[schema.item_id])
    history = History(HISTORY, vocabulary=item_id.vocabulary, length=history_length)
    return FeatureSet(
        query=(
            Categorical.fit(schema.user_id, users[schema.user_id]),
            *_fit(users, schema.user_features),
            history,
        ),
        candidate=(item_id, *_fit(items, schema.item_features)),
    )


def _fit(table: pd.DataFrame, kinds: Mapping[str, FeatureKind]) -> Iterable[Feature]:
    for name, named in kinds.items():
        kind, options = kind_and_options(named)
        fit: Callable[..., Feature] = Feature.of_kind(kind).fit
        yield fit(name, table[name], **options)


def arrays_of(table: pd.DataFrame, features: Iterable[Feature]) -> dict[str, npt.NDArray[Any]]:
    """Returns the columns of a table as models read them.

    Args:
        table: The user or item table.
        features: The columns to take.
    """
    return {feature.name: feature.to_array(table[feature.name]) for feature in features}
