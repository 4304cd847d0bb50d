"""Exact evaluation of retrieval and ranking."""

from tfrs_ext.metrics.evaluate_retrieval import evaluate_retrieval
from tfrs_ext.metrics.retrieval_evaluation import RetrievalEvaluation
from tfrs_ext.metrics.retrieval_result import Interval, RetrievalResult

__all__ = ["Interval", "RetrievalEvaluation", "RetrievalResult", "evaluate_retrieval"]
