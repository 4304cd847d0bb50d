"""Events such as a view or a purchase, as weights of rows."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfrs_ext.data.frames import Frames

_WEIGHT = "event_weight"


def weigh_events(frames: Frames, weights: Mapping[str, float], column: str | None = None) -> Frames:
    """Returns the frames with a weight for each row, by the name of its event.

    Rows whose event weighs 0 are left out. Where the schema has a weight already, both are
    multiplied.

    Args:
        frames: The rows.
        weights: From each name of an event to its weight, such as `{"view": 1, "buy": 5}`.
        column: The column with the names; None for the schema's `event`.

    Returns:
        The frames with the column `"event_weight"`, which is the schema's weight; a note says how
        many rows were left out.

    Raises:
        ValueError: There is no such column, an event has no weight, a weight is negative, or no
            row is left.

    Relations:
        `label_by_column(positive_values=…)` makes labels of events instead.

    Example:
        >>> import pandas as pd
        >>> from tfrs_ext.data import Schema, load_frames
        >>> columns = {"user_id": [1, 1, 2], "item_id": [5, 7, 7], "timestamp": [1, 2, 3]}
        >>> log = pd.DataFrame({**columns, "event": ["view", "buy", "seen"]})
        >>> frames = load_frames(log, schema=Schema(event="event"))
        >>> weighed = weigh_events(frames, {"view": 1, "buy": 5, "seen": 0})
        >>> weighed.interactions["event_weight"].tolist()
        [1.0, 5.0]
    """
    column = column or frames.schema.event
    if column is None or column not in frames.interactions:
        raise ValueError(
            f"`column` must be a column of the interactions with names of events, received "
            f"{column!r}; they have {list(frames.interactions.columns)}."
        )
    names = frames.interactions[column].astype(str)
    found = set(names)
    if not found <= set(weights):
        raise ValueError(
            f"`weights` must weigh each event of {column!r}, received none for "
            f"{sorted(found - set(weights))[:5]}. Give 0 to leave rows out."
        )
    wrong = {name: weight for name, weight in weights.items() if not 0 <= weight < np.inf}
    if wrong:
        raise ValueError(f"`weights` must not be negative, received {wrong}.")
    values = names.map(weights).to_numpy(np.float64)
    if frames.schema.weight is not None:
        values = values * frames.interactions[frames.schema.weight].to_numpy(np.float64)
    kept = np.flatnonzero(values > 0)
    if not len(kept):
        raise ValueError(f"`weights` must leave rows, received 0 for all of {sorted(found)}.")
    notes = frames.notes
    if len(kept) < len(values):
        left = len(values) - len(kept)
        notes += (f"Left out {left:,} of {len(values):,} interactions of weight 0.",)
    weighed = dataclasses.replace(
        frames,
        interactions=frames.interactions.assign(**{_WEIGHT: values}),
        schema=dataclasses.replace(frames.schema, weight=_WEIGHT),
        notes=notes,
    )
    return weighed.select(kept)
