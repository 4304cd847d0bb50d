"""What users took, summed up: by item and by user."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.data.frames import Frames


def item_counts(frames: Frames) -> tuple[list[int] | list[str], list[int]]:
    """Returns how often each item occurs in the interactions.

    Args:
        frames: The training part, where the counts correct a loss.

    Returns:
        The ids of the items that occur, most popular first, and as many counts.

    Relations:
        `frequencies.CountedFrequency(*item_counts(frames))` turns them into log Q.

    Example:
        >>> import pandas as pd
        >>> from tfrs_ext.data import load_frames
        >>> log = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 7, 7], "timestamp": [1, 2, 3]})
        >>> item_counts(load_frames(log))
        ([7, 5], [2, 1])
    """
    counts = frames.interactions[frames.schema.item_id].value_counts()
    return counts.index.tolist(), counts.tolist()


def seen_items(frames: Frames) -> list[list[int]] | list[list[str]]:
    """Returns the ids of the items that each row of the user table took, oldest first.

    Args:
        frames: The interactions; all that are known, where a server is to leave them out.

    Returns:
        A list for each user, in the order of the user table; empty for those who took nothing.

    Relations:
        `item_histories` gives positions in the item table instead of ids.

    Example:
        >>> import pandas as pd
        >>> from tfrs_ext.data import load_frames
        >>> log = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 7, 7], "timestamp": [1, 2, 3]})
        >>> seen_items(load_frames(log))
        [[5, 7], [7]]
    """
    schema = frames.schema
    seen = frames.interactions.groupby(schema.user_id)[schema.item_id].agg(list)
    return [seen.get(user, []) for user in frames.users[schema.user_id]]


def item_histories(frames: Frames) -> tf.RaggedTensor:
    """Returns the positions of the items that each row of the user table took, oldest first.

    Args:
        frames: The interactions.

    Returns:
        `[U, (L)]` int64 positions in the item table, which `baselines` learn from.

    Relations:
        `seen_items` gives ids; `user_states` the histories that a model reads.

    Example:
        >>> import pandas as pd
        >>> from tfrs_ext.data import load_frames
        >>> log = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 7, 7], "timestamp": [1, 2, 3]})
        >>> item_histories(load_frames(log)).to_list()
        [[0, 1], [1]]
    """
    return _by_user(frames, frames.item_rows())


def history_times(frames: Frames) -> tf.RaggedTensor:
    """Returns the times of what `item_histories` returns.

    Args:
        frames: The interactions.

    Returns:
        `[U, (L)]` int64, ascending for each user; zeros where the order of rows is all that is
        known.

    Example:
        >>> import pandas as pd
        >>> from tfrs_ext.data import load_frames
        >>> log = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 7, 7], "timestamp": [3, 2, 1]})
        >>> history_times(load_frames(log)).to_list()
        [[2, 3], [1]]
    """
    return _by_user(frames, frames.times())


def _by_user(frames: Frames, values: npt.NDArray[np.int64]) -> tf.RaggedTensor:
    """Returns values of the interactions by row of the user table, oldest first."""
    users = frames.user_rows()
    order = np.lexsort((frames.times(), users))
    return tf.RaggedTensor.from_value_rowids(
        values[order], users[order], nrows=len(frames.users), validate=False
    )
