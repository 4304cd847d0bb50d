"""Tasks that wire towers, similarity, negatives, loss and metrics."""

from tfrs_ext.tasks.retrieval import Retrieval

__all__ = ["Retrieval"]
