"""Which columns of the user's tables mean what."""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any, Union

from tfrs_ext.features import Feature
from tfrs_ext.typing import Config

FeatureKind = Union[str, Mapping[str, Any]]
HISTORY = "history"
SAMPLE_WEIGHT = "sample_weight"
_SIDES = ("user_features", "item_features", "context_features")


@dataclasses.dataclass(frozen=True)
class Schema:
    """Names the columns of the interactions and of the user and item tables.

    An event is a row. Where every item that was shown has a row, `label` says which were taken;
    where a row is what was taken, `impressions` says what else was shown.

    The names of features become the keys of the batches and of an export's signatures, so no two
    of them may be equal.

    Args:
        user_id: Column of the user ids, in the interactions and in the user table.
        item_id: Column of the item ids, in the interactions and in the item table.
        timestamp: Column of the interactions' times; `None` where the order of rows is all that
            is known.
        weight: Column of the interactions' weights, if any.
        label: Column of the interactions' labels (a rating, a click), if any.
        event: Column of the interactions with names of events (view, buy), if any; rows that are
            equal but for the event are kept, and `weigh_events` weighs them.
        impressions: Column of the interactions with the ids of items that were shown beside the
            one that was taken, a list a row, if any; `with_impressions` makes rows of them.
        title: Column of the item table with titles for people to read, if any.
        user_features: Columns of the user table and their kinds: `"categorical"`, `"numeric"`,
            `"text"`, `"timestamp"`, or whatever `features.Feature.kinds` knows. A kind may have
            options, those of its `fit`: `{"kind": "text", "min_count": 5}`.
        item_features: Columns of the item table and their kinds.
        context_features: Columns of the interactions that say how it was at that moment (the hour,
            the device, the place in a list), and their kinds.

    Raises:
        ValueError: If a kind is unknown or two features share a name.

    Example:
        >>> schema = Schema(item_id="movie_id", item_features={"genres": "text"})
        >>> Schema.from_config(schema.get_config()) == schema
        True
    """

    user_id: str = "user_id"
    item_id: str = "item_id"
    timestamp: str | None = "timestamp"
    weight: str | None = None
    label: str | None = None
    event: str | None = None
    impressions: str | None = None
    title: str | None = None
    user_features: Mapping[str, FeatureKind] = dataclasses.field(default_factory=dict)
    item_features: Mapping[str, FeatureKind] = dataclasses.field(default_factory=dict)
    context_features: Mapping[str, FeatureKind] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for side in _SIDES:
            for name, kind in getattr(self, side).items():
                _check_kind(f"{side}[{name!r}]", kind)
        self._check_names()

    def _check_names(self) -> None:
        names = [self.user_id, self.item_id, HISTORY, SAMPLE_WEIGHT]
        names += [name for side in _SIDES for name in getattr(self, side)]
        names += [self.label] if self.label else []
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"The ids, features and label must have distinct names other than "
                    f"{HISTORY!r} and {SAMPLE_WEIGHT!r}, because a batch holds them side by "
                    f"side; received {name!r} twice. Rename the column."
                )

    def get_config(self) -> Config:
        """Returns a JSON-able description, for `Schema.from_config`."""
        config = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**config, **{side: dict(getattr(self, side)) for side in _SIDES}}

    @classmethod
    def from_config(cls, config: Config) -> "Schema":
        """Builds the schema that `get_config` described."""
        return cls(**config)


def kind_and_options(named: FeatureKind) -> tuple[str, dict[str, Any]]:
    """Returns the word for a column kind, and the options of its `fit`.

    Args:
        named: A value of `Schema.user_features` or `Schema.item_features`.
    """
    if isinstance(named, str):
        return named, {}
    options = dict(named)
    return options.pop("kind", ""), options


def _check_kind(where: str, named: FeatureKind) -> None:
    kind, options = kind_and_options(named)
    if kind not in Feature.kinds():
        raise ValueError(f"`{where}` must be one of {Feature.kinds()}, received {kind!r}.")
    known = list(inspect.signature(Feature.of_kind(kind).fit).parameters)[2:]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(
            f"`{where}` may have the options {known} of its kind, {kind!r}, received {unknown}."
        )
