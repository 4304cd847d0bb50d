"""The users whom a version knows, as exports take them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Union

import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.serving.checks import check_table
from tfrs_ext.typing import Columns, TensorLike

Histories = Union[tf.RaggedTensor, npt.NDArray[Any], Sequence[npt.ArrayLike]]
"""For each user, item ids: `[U, S]`, ragged, or a sequence of sequences."""


@dataclasses.dataclass(frozen=True, eq=False)
class Users:
    """The users whom a version knows: requests then carry their ids, and what is new.

    Args:
        columns: `{column: [U, ...]}`, what the model reads of each user, with the ids. The table
            is kept in the version.
        user_id: The name of the column with the ids, which are integers or strings.
        seen: The item ids that each user has seen, which are left out of recommendations:
            `[U, S]`, ragged, or a sequence of U sequences. Without it, nothing is left out.
            Oldest first, it is the history that `export_baseline` ranks by.
        unknown: `{column: [...]}`, what stands for a user whom the table lacks. A column that
            isn't named here has what its feature says (`feature.unknown`), where the model has
            features; else the mean of a number, -1 or `""`.
        context: `{column: [R, ...]}`, what a request brings along, such as the hour, the device or
            the history up to now, as some example rows. A column that `columns` holds too may be
            left empty by a request, with NaN, or with what its feature says of an empty cell (-1
            or `""`) in the whole row: then the table's row counts.

    Raises:
        ValueError: Where there is no column of ids.

    Relations:
        `Items` holds the other side. Without `Users`, `export` takes `queries`, and requests
        carry all that the model reads.

    Example:
        >>> users = Users({"user_id": [1, 2], "age": [20.0, 30.0]}, seen=[[7], []])
        >>> users.user_id
        'user_id'
    """

    columns: Columns
    _: dataclasses.KW_ONLY
    user_id: str = "user_id"
    seen: Histories | None = None
    unknown: Mapping[str, TensorLike] | None = None
    context: Columns | None = None

    def __post_init__(self) -> None:
        check_table("users", self.columns, self.user_id)
