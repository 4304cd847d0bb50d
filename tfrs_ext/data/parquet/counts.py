"""How often each id occurs, in memory that depends on the number of ids alone."""

import pyarrow as pa
import pyarrow.compute as pc

_FEW = 1 << 20  # What is added is merged when it is as large as this, or as what is there.


class IdCounts:
    """Counts ids part by part.

    Args:
        max_ids: How many ids are kept at most; None keeps all. Where there are more, the rarest
            are forgotten at each merge, and count from 0 when they come again.

    Attributes:
        max_undercount: How much too small a count can be.
    """

    def __init__(self, max_ids: int | None = None) -> None:
        if max_ids is not None and max_ids < 1:
            raise ValueError(f"`max_ids` must be at least 1, received max_ids={max_ids}.")
        self.max_ids, self.max_undercount = max_ids, 0
        self._parts: list[pa.Table] = []
        self._merged: pa.Table | None = None
        self._num_added = 0

    def add(self, ids: pa.Array | pa.ChunkedArray) -> None:
        """Counts some ids.

        Args:
            ids: `[N]` int64 or strings, none of them missing.
        """
        found = pc.value_counts(ids)
        self._parts.append(pa.table({"id": found.field("values"), "n": found.field("counts")}))
        self._num_added += len(found)
        if self._num_added > max(_FEW, self._merged.num_rows if self._merged else 0):
            self._merge()

    def table(self) -> pa.Table:
        """Returns the ids in the column `id` and their counts in `n`, the most frequent first.

        Ids of equal counts are in ascending order.
        """
        self._merge()
        assert self._merged is not None
        return self._merged.sort_by([("n", "descending"), ("id", "ascending")])

    def _merge(self) -> None:
        parts = self._parts if self._merged is None else [self._merged, *self._parts]
        if not parts:
            raise ValueError("Ids must be added before they are counted, received none.")
        whole = pa.concat_tables(parts).group_by("id").aggregate([("n", "sum")])
        self._merged = self._forget_rarest(whole.rename_columns(["id", "n"]).select(["id", "n"]))
        self._parts, self._num_added = [], 0

    def _forget_rarest(self, counts: pa.Table) -> pa.Table:
        if self.max_ids is None or counts.num_rows <= self.max_ids:
            return counts
        ordered = counts.sort_by([("n", "descending"), ("id", "ascending")])
        self.max_undercount += ordered["n"][self.max_ids].as_py()
        return ordered.slice(0, self.max_ids)
