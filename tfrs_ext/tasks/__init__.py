"""Tasks that wire embeddings, negatives, loss and metrics."""

from tfrs_ext.tasks.ranking import Ranking
from tfrs_ext.tasks.retrieval import Retrieval

__all__ = ["Ranking", "Retrieval"]
