"""Keras callbacks that evaluate and record a training."""

from tfrs_ext.callbacks.epoch_evaluation import EpochEvaluation
from tfrs_ext.callbacks.retrieval_evaluation import RetrievalEvaluation
from tfrs_ext.callbacks.training_trace import TrainingTrace
from tfrs_ext.callbacks.user_auc import UserAUC

__all__ = ["EpochEvaluation", "RetrievalEvaluation", "TrainingTrace", "UserAUC"]
