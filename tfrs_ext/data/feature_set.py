"""What the towers must know about their inputs, learnt from training rows alone."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tfrs_ext.data.frames import Frames
from tfrs_ext.data.schema import HISTORY, FeatureKind, Schema, kind_and_options
from tfrs_ext.features import Categorical, Feature, History, HistoryTimes
from tfrs_ext.typing import Config

_PREFIX = f"{HISTORY}_"
_PARTS = ("query", "candidate", "context")


@dataclasses.dataclass(frozen=True)
class FeatureSet:
    """The input columns of the two towers.

    Args:
        query: Features of the query tower; the first is the user id.
        candidate: Features of the candidate tower; the first is the item id.
        context: Features of the moment: columns of the interactions, which a model that ranks
            reads beside the others, and requests bring along.
    """

    query: tuple[Feature, ...]
    candidate: tuple[Feature, ...]
    context: tuple[Feature, ...] = ()

    @property
    def history(self) -> History:
        """The query's history of items."""
        return next(feature for feature in self.query if isinstance(feature, History))

    @property
    def histories(self) -> dict[str, History]:
        """The query's histories, by the candidate's columns whose values they hold."""
        histories = [feature for feature in self.query if isinstance(feature, History)]
        names = (history.name.removeprefix(_PREFIX) for history in histories)
        items = {HISTORY: self.candidate[0].name}
        return {items.get(n, n): h for n, h in zip(names, histories, strict=True)}

    @property
    def times(self) -> HistoryTimes | None:
        """The times of the history's items, where the query has them."""
        return next((f for f in self.query if isinstance(f, HistoryTimes)), None)

    @property
    def of_users(self) -> tuple[Feature, ...]:
        """The query's features that are columns of the user table."""
        return tuple(f for f in self.query if not isinstance(f, (History, HistoryTimes)))

    def get_config(self) -> Config:
        """Returns a JSON-able description, for `FeatureSet.from_config`."""
        return {part: [feature.get_config() for feature in getattr(self, part)] for part in _PARTS}

    @classmethod
    def from_config(cls, config: Config) -> "FeatureSet":
        """Builds the feature set that `get_config` described."""
        return cls(*(tuple(map(Feature.from_config, config[part])) for part in _PARTS))


def fit_features(
    frames: Frames,
    history_length: int = 50,
    *,
    history_of: Sequence[str] = (),
    history_times: bool = False,
    ids: Mapping[str, Any] | None = None,
) -> FeatureSet:
    """Fits vocabularies, means and ranges to the users and items that occur in the interactions.

    Give it the training part only. Users and items that occur in the tables alone teach nothing:
    their ids fall outside the vocabulary, while their features are embedded like all others.

    Args:
        frames: The training part.
        history_length: How many of the user's latest items the query holds.
        history_of: Categorical item features of which the query holds histories as well, such as
            `("genre",)` for a column `"history_genre"` beside `"history"`: side information for
            `models.DIN` and `models.DIEN`.
        history_times: Whether the query also holds when these items were taken, in a column
            `"history_time"`, for `models.SequenceTower`.
        ids: Options of `features.Categorical.fit` for the ids of users and items, such as
            `{"min_count": 2, "num_hash_buckets": 100}` for ids of which rare ones share
            embeddings, or `{"unknown_rate": 0.01}`.

    Returns:
        The query's features (user id, user features, `"history"`), the candidate's (item id, item
        features) and those of the context.

    Raises:
        ValueError: If `history_length` is below 1, or `history_of` names no categorical item
            feature.

    Example:
        >>> from tfrs_ext.data import synthetic
        >>> features = fit_features(synthetic(50, 60, 6)[0])
        >>> [feature.name for feature in features.query]
        ['user_id', 'segment', 'age', 'history']
    """
    schema, log = frames.schema, frames.interactions
    found = assemble_features(
        schema,
        Categorical.fit(schema.user_id, log[schema.user_id], **(ids or {})),
        Categorical.fit(schema.item_id, log[schema.item_id], **(ids or {})),
        users=frames.users.iloc[np.unique(frames.user_rows())],
        items=frames.items.iloc[np.unique(frames.item_rows())],
        rows=log,
        histories=(HISTORY, *history_of),
        history_length=history_length,
    )
    times = [HistoryTimes(f"{_PREFIX}time", history_length)] * history_times
    return dataclasses.replace(found, query=(*found.query, *times))


def assemble_features(
    schema: Schema,
    user_id: Categorical,
    item_id: Categorical,
    *,
    users: pd.DataFrame,
    items: pd.DataFrame,
    rows: pd.DataFrame,
    histories: Sequence[str],
    history_length: int,
) -> FeatureSet:
    """Fits the features beside the ids, and puts all into their places.

    Args:
        schema: The columns' kinds.
        user_id: The feature of the user ids.
        item_id: The feature of the item ids.
        users: The users that occur, with their features.
        items: The items that occur, with their features.
        rows: Rows with the columns of the context.
        histories: `HISTORY` and the item columns of which the query holds histories as well; empty
            for no histories.
        history_length: How many items a history holds.
    """
    if history_length < 1:
        raise ValueError(f"`history_length` must be at least 1, received {history_length}.")
    candidate = (item_id, *_fit(items, schema.item_features))
    query: list[Feature] = [user_id, *_fit(users, schema.user_features)]
    if histories:
        query.append(History(HISTORY, vocabulary=item_id.vocabulary, length=history_length))
        query += _side_histories(candidate, histories[1:], history_length)
    return FeatureSet(tuple(query), candidate, tuple(_fit(rows, schema.context_features)))


def _side_histories(
    candidate: Sequence[Feature], names: Sequence[str], length: int
) -> Iterable[History]:
    known = {f.name: f for f in candidate[1:] if isinstance(f, Categorical)}
    for name in names:
        if name not in known:
            raise ValueError(
                f"`history_of` must name categorical item features, {sorted(known)}, received "
                f"{name!r}."
            )
        yield History(f"{_PREFIX}{name}", vocabulary=known[name].vocabulary, length=length)


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
