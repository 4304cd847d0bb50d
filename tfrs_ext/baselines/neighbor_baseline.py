"""What baselines by nearest neighbours share."""

import abc
from typing import Any

from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.typing import Config, HyperParameters


class NeighborBaseline(Baseline, abc.ABC):
    """Ranks by the nearest of some neighbours, by cosines that are shrunk.

    Args:
        num_candidates: The number of candidates, C.
        neighbors: The number of neighbours that are kept, or asked.
        shrinkage: What makes similarities small that few bear witness to, >= 0.

    Raises:
        ValueError: `neighbors` is below 1, or `shrinkage` below 0.
    """

    relates_items = True

    def __init__(
        self, num_candidates: int, neighbors: int = 100, shrinkage: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(num_candidates, **kwargs)
        if neighbors < 1:
            raise ValueError(f"`neighbors` must be at least 1, received neighbors={neighbors}.")
        if not shrinkage >= 0:
            raise ValueError(f"`shrinkage` must be at least 0, received shrinkage={shrinkage}.")
        self.neighbors, self.shrinkage = neighbors, shrinkage

    @staticmethod
    def search_space(hp: HyperParameters) -> Config:
        """Returns the number of neighbours and a shrinkage.

        Args:
            hp: The hyper-parameters.
        """
        return {
            "neighbors": hp.Choice("neighbors", [20, 50, 100, 200, 500], default=100),
            "shrinkage": hp.Choice("shrinkage", [0.0, 1.0, 10.0, 100.0], default=0.0),
        }

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        own = {"neighbors": self.neighbors, "shrinkage": self.shrinkage}
        return {**super().get_config(), **own}
