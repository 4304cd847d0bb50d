"""Keras layers for towers and rankers."""

from tfrs_ext.layers.cross import Cross
from tfrs_ext.layers.cross_mixture import CrossMixture
from tfrs_ext.layers.cross_network import CrossNetwork
from tfrs_ext.layers.cross_vector import CrossVector
from tfrs_ext.layers.dice import Dice
from tfrs_ext.layers.din_attention import DINAttention
from tfrs_ext.layers.feature_encoder import FeatureEncoder
from tfrs_ext.layers.history_pooling import HistoryPooling

__all__ = [
    "Cross",
    "CrossMixture",
    "CrossNetwork",
    "CrossVector",
    "DINAttention",
    "Dice",
    "FeatureEncoder",
    "HistoryPooling",
]
