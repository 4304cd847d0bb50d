"""Keras layers for towers and rankers."""

from tfrs_ext.layers.agru_cell import AGRUCell
from tfrs_ext.layers.aigru_cell import AIGRUCell
from tfrs_ext.layers.augru import AUGRU
from tfrs_ext.layers.augru_cell import AUGRUCell
from tfrs_ext.layers.causal_transformer import CausalTransformer
from tfrs_ext.layers.cross import Cross
from tfrs_ext.layers.cross_mixture import CrossMixture
from tfrs_ext.layers.cross_network import CrossNetwork
from tfrs_ext.layers.cross_vector import CrossVector
from tfrs_ext.layers.dice import Dice
from tfrs_ext.layers.din_attention import DINAttention
from tfrs_ext.layers.dot_interaction import DotInteraction
from tfrs_ext.layers.history_pooling import HistoryPooling
from tfrs_ext.layers.interest_extractor import InterestExtractor
from tfrs_ext.layers.learnable_temperature import LearnableTemperature
from tfrs_ext.layers.letter_trigrams import LetterTrigrams
from tfrs_ext.layers.maxout import Maxout
from tfrs_ext.layers.mlp import MLP
from tfrs_ext.layers.quantile_powers import QuantilePowers
from tfrs_ext.layers.regularized_embedding import RegularizedEmbedding
from tfrs_ext.layers.temperature import Temperature

__all__ = [
    "AUGRU",
    "MLP",
    "AGRUCell",
    "AIGRUCell",
    "AUGRUCell",
    "CausalTransformer",
    "Cross",
    "CrossMixture",
    "CrossNetwork",
    "CrossVector",
    "DINAttention",
    "Dice",
    "DotInteraction",
    "HistoryPooling",
    "InterestExtractor",
    "LearnableTemperature",
    "LetterTrigrams",
    "Maxout",
    "QuantilePowers",
    "RegularizedEmbedding",
    "Temperature",
]
