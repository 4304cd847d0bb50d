"""The items of a version, as exports take them."""

import dataclasses
from collections.abc import Sequence

from tfrs_ext.serving.checks import check_table
from tfrs_ext.typing import Columns


@dataclasses.dataclass(frozen=True, eq=False)
class Items:
    """The items of a version: ids, what the model reads of them, and what answers tell of them.

    Args:
        columns: `{column: [C, ...]}`, the ids, and what the model reads of each item.
        item_id: The name of the column with the ids, which are integers or strings; requests and
            answers call them by it.
        fields: `{column: [C, ...]}`, such as titles, which answers hold beside the ids.
        tags: The strings of each item by which `recommend_filtered` allows or denies it; with a
            sequence of empty ones it allows by ids alone.

    Raises:
        ValueError: Where there is no column of ids.

    Relations:
        `Users` holds the other side.

    Example:
        >>> items = Items({"item_id": [7, 8]}, fields={"title": ["Alien", "Brazil"]})
        >>> items.item_id
        'item_id'
    """

    columns: Columns
    _: dataclasses.KW_ONLY
    item_id: str = "item_id"
    fields: Columns | None = None
    tags: Sequence[Sequence[str]] | None = None

    def __post_init__(self) -> None:
        check_table("items", self.columns, self.item_id)
