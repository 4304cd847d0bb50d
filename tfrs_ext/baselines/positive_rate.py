"""The baseline that every ranking model has to beat."""

import numpy as np
import numpy.typing as npt
import pandas as pd


class PositiveRate:
    """Predicts, for a row, how often the rows of its item (or of its user) were positive.

    `p(id) = (positives of id + prior m) / (rows of id + prior)`, where m is the mean of all labels.

    Args:
        prior: How many average rows each id is given in addition, > 0. An id that was never seen
            gets the mean.

    Relations:
        `PopularityBaseline` is for retrieval, where no row is a negative.

    Example:
        >>> rate = PositiveRate(prior=2.0).fit(["a", "a", "b", "b"], [1, 1, 0, 0])
        >>> rate(["a", "b", "new"]).tolist()
        [0.75, 0.25, 0.5]
    """

    def __init__(self, prior: float = 10.0) -> None:
        if not prior > 0:
            raise ValueError(f"`prior` must be greater than 0, received prior={prior}.")
        self.prior = prior
        self._mean = float("nan")
        self._rates = pd.Series(dtype=np.float64)

    def fit(self, ids: npt.ArrayLike, labels: npt.ArrayLike) -> "PositiveRate":
        """Counts; returns itself.

        Args:
            ids: `[N]` the item (or user) of each row: numbers or strings.
            labels: `[N]` numbers from 0 to 1.
        """
        rows = pd.DataFrame({"id": np.asarray(ids), "label": np.asarray(labels, np.float64)})
        sums = rows.groupby("id")["label"].agg(["sum", "count"])
        self._mean = float(rows["label"].mean())
        self._rates = (sums["sum"] + self.prior * self._mean) / (sums["count"] + self.prior)
        return self

    def __call__(self, ids: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Returns the rates `[N]` of ids."""
        rates = self._rates.reindex(np.asarray(ids)).fillna(self._mean)
        return rates.to_numpy(np.float32)
