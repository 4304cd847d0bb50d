"""Losses for retrieval, at one contract."""

from tfrs_ext.losses.corrected_sampled_softmax import CorrectedSampledSoftmax
from tfrs_ext.losses.retrieval_loss import RetrievalLoss
from tfrs_ext.losses.sampled_softmax import SampledSoftmax

__all__ = ["CorrectedSampledSoftmax", "RetrievalLoss", "SampledSoftmax"]
