"""Three ways to hold rows out: each user's last, the latest, or random ones."""

import dataclasses

import numpy as np
import numpy.typing as npt

from tfrs_ext.data.frames import Frames

_ENOUGH = 10  # Users with three rows or more, so that an order by chance is out of question.


@dataclasses.dataclass(frozen=True)
class Split:
    """Three parts of one data set that share its user and item tables.

    Args:
        train: The rows to learn from.
        validation: The rows to choose models by.
        test: The rows to report on.
    """

    train: Frames
    validation: Frames
    test: Frames


def leave_one_out(frames: Frames) -> Split:
    """Holds out each user's last interaction for testing and the one before for validation.

    Users with fewer than three interactions only train. Among equal times the later row counts as
    later. Times of different users overlap: what other users did after a test row is in training,
    so that figures come out higher than in use; `global_time_split` hasn't that flaw. Without
    times, the order of the rows is taken for their order in time: sort them so, or use
    `random_split` where nothing is known of it.

    Args:
        frames: The whole data.

    Returns:
        The split.

    Raises:
        ValueError: There are no times, and each user's rows stand in the order of the items: a
            user's last row is then the item of the largest id, and not the latest.

    Example:
        >>> from tfrs_ext.data import synthetic
        >>> leave_one_out(synthetic(50, 60, 6)[0]).test
        Frames(50 interactions, 50 users, 60 items)

    References:
        Meng, McCreadie, Macdonald and Ounis (2020), Exploring Data Splitting Strategies for the
        Evaluation of Recommendation Models, arXiv:2007.13237.
    """
    users = frames.user_rows()
    order = np.lexsort((np.arange(len(users)), frames.times(), users))
    if frames.schema.timestamp is None:
        _check_order(users[order], frames.item_rows()[order])
    counts = np.bincount(users, minlength=len(frames.users))
    ends = np.cumsum(counts)[counts >= 3]
    test, validation = order[ends - 1], order[ends - 2]
    return _split(frames, validation, test)


def global_time_split(
    frames: Frames, validation_fraction: float = 0.1, test_fraction: float = 0.1
) -> Split:
    """Holds out the latest rows, as in use: every training row is older than every held-out row.

    Rows of one time stay together, on the later side.

    Args:
        frames: The whole data, with timestamps.
        validation_fraction: About this share of the rows, just before the test rows.
        test_fraction: About this share of the rows, at the end.

    Returns:
        The split.

    Raises:
        ValueError: If there are no timestamps, or the fractions leave a part empty.

    Example:
        >>> from tfrs_ext.data import synthetic
        >>> split = global_time_split(synthetic(50, 60, 6)[0])
        >>> bool(split.train.times().max() < split.validation.times().min())
        True
    """
    if frames.schema.timestamp is None:
        raise ValueError(
            "`global_time_split` needs timestamps, received a schema with timestamp=None. Use "
            "`leave_one_out`, which needs the order of rows alone."
        )
    _check_fractions(validation_fraction, test_fraction)
    times = frames.times()
    ordered, size = np.sort(times), len(times)
    test_from = ordered[_position(size, 1.0 - test_fraction)]
    validation_from = ordered[_position(size, 1.0 - test_fraction - validation_fraction)]
    test = np.flatnonzero(times >= test_from)
    validation = np.flatnonzero((times >= validation_from) & (times < test_from))
    return _split(frames, validation, test)


def random_split(
    frames: Frames, validation_fraction: float = 0.1, test_fraction: float = 0.1, seed: int = 0
) -> Split:
    """Holds out random pairs of user and item.

    All rows of a pair fall into one part, so that no held-out pair was trained on. Past and future
    mix: use it for models that know no time.

    Args:
        frames: The whole data.
        validation_fraction: About this share of the pairs.
        test_fraction: About this share of the pairs.
        seed: Equal seeds give equal splits.

    Returns:
        The split.

    Raises:
        ValueError: If the fractions leave a part empty.
    """
    _check_fractions(validation_fraction, test_fraction)
    pair_of_row = frames.user_rows() * len(frames.items) + frames.item_rows()
    pairs, pair = np.unique(pair_of_row, return_inverse=True)
    ranks = np.random.default_rng(seed).permutation(len(pairs))[pair]
    test_size = round(test_fraction * len(pairs))
    held_out = test_size + round(validation_fraction * len(pairs))
    test = np.flatnonzero(ranks < test_size)
    validation = np.flatnonzero((ranks >= test_size) & (ranks < held_out))
    return _split(frames, validation, test)


def _check_order(users: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> None:
    """Refuses rows in the order of the items; both are sorted by user."""
    is_next = users[1:] == users[:-1]
    long = np.count_nonzero(np.bincount(users) >= 3)
    if long >= _ENOUGH and np.all(items[1:][is_next] >= items[:-1][is_next]):
        raise ValueError(
            "`frames` must have times, or rows in the order of time, received rows in which each "
            "user's items stand in the order of their ids: a user's last row isn't the latest. "
            "Name the column of times, sort the rows, or use `random_split`."
        )


def _split(frames: Frames, validation: npt.NDArray[np.int64], test: npt.NDArray[np.int64]) -> Split:
    train = np.ones(len(frames.interactions), bool)
    train[validation] = train[test] = False
    parts = {"train": np.flatnonzero(train), "validation": validation, "test": test}
    for name, rows in parts.items():
        if not len(rows):
            raise ValueError(
                f"The {name} part would be empty, received {len(frames.interactions)} "
                "interactions. Give more data, or other fractions."
            )
    return Split(**{name: frames.select(np.sort(rows)) for name, rows in parts.items()})


def _check_fractions(validation_fraction: float, test_fraction: float) -> None:
    if not (
        validation_fraction > 0 and test_fraction > 0 and validation_fraction + test_fraction < 1
    ):
        raise ValueError(
            "`validation_fraction` and `test_fraction` must be positive and leave something to "
            f"train on, received {validation_fraction} and {test_fraction}."
        )


def _position(size: int, fraction: float) -> int:
    return min(size - 1, max(0, round(size * fraction)))
