"""Recommendations to look at, with titles in the place of numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tfrs_ext.data import EvaluationQueries, Frames


def sample_lists(
    frames: Frames,
    queries: EvaluationQueries,
    rows: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    items: npt.NDArray[np.int64],
    latest: int = 5,
) -> list[dict[str, Any]]:
    """Returns what some users did last, and what a model shows them.

    Args:
        frames: The tables with the users' ids and the items' titles.
        queries: What the model was asked.
        rows: `[S]` which of the queries are shown.
        scores: `[S, K]`, as `evaluation.top_candidates` gives for these queries.
        items: `[S, K]` positions of the items; negative ones are padding.
        latest: How many items of the history are shown, the latest first.

    Returns:
        A dict for each query, for `RunSummary(samples=…)`.
    """
    schema = frames.schema
    titles = item_titles(frames)
    title_of = dict(zip(frames.items[schema.item_id].tolist(), titles, strict=True))
    users = frames.users[schema.user_id].to_numpy()[queries.user_rows[rows]]
    histories = queries.queries["history"][rows]
    found = []
    for place, row in enumerate(rows):
        wanted = set(queries.positives[row].numpy().tolist())
        known = (title_of.get(_as_id(item)) for item in histories[place][::-1].tolist())
        shown = zip(items[place].tolist(), scores[place].tolist(), strict=True)
        found.append(
            {
                "query": f"{schema.user_id} {users[place]}",
                "history": [title for title in known if title is not None][:latest],
                "items": [
                    {"title": titles[item], "score": score, "found": item in wanted}
                    for item, score in shown
                    if item >= 0
                ],
            }
        )
    return found


def item_titles(frames: Frames) -> list[str]:
    """Returns the title of each item, or its id where it has none `[C]`.

    Args:
        frames: Whose item table.
    """
    schema = frames.schema
    ids = frames.items[schema.item_id].astype(str)
    if schema.title is None:
        return ids.tolist()
    titles = frames.items[schema.title]
    return titles.astype(object).where(titles.notna(), ids).astype(str).tolist()


def _as_id(item: Any) -> Any:
    """Returns an id as the item table holds it: batches hold strings as bytes."""
    return item.decode("utf-8") if isinstance(item, bytes) else item
