"""Keras layers for towers and rankers."""

from tfrs_ext.layers.feature_encoder import FeatureEncoder
from tfrs_ext.layers.history_pooling import HistoryPooling

__all__ = ["FeatureEncoder", "HistoryPooling"]
