"""Losses for retrieval, at one contract, and Keras losses for ranking."""

from tfrs_ext.losses.bpr import BPR
from tfrs_ext.losses.corrected_sampled_softmax import CorrectedSampledSoftmax
from tfrs_ext.losses.full_product_softmax import FullProductSoftmax
from tfrs_ext.losses.full_softmax import FullSoftmax
from tfrs_ext.losses.gbce import GBCE
from tfrs_ext.losses.info_nce import InfoNCE
from tfrs_ext.losses.lambda_loss import LambdaLoss
from tfrs_ext.losses.list_softmax import ListSoftmax
from tfrs_ext.losses.listwise_loss import ListwiseLoss
from tfrs_ext.losses.pairwise_cross_entropy import PairwiseCrossEntropy
from tfrs_ext.losses.retrieval_loss import RetrievalLoss
from tfrs_ext.losses.sampled_binary_cross_entropy import SampledBinaryCrossEntropy
from tfrs_ext.losses.sampled_softmax import SampledSoftmax
from tfrs_ext.losses.triplet import Triplet
from tfrs_ext.losses.weighted_logistic import WeightedLogistic

__all__ = [  # noqa: RUF022  # In plain alphabetical order, as in the other folders.
    "BPR",
    "CorrectedSampledSoftmax",
    "FullProductSoftmax",
    "FullSoftmax",
    "GBCE",
    "InfoNCE",
    "LambdaLoss",
    "ListSoftmax",
    "ListwiseLoss",
    "PairwiseCrossEntropy",
    "RetrievalLoss",
    "SampledBinaryCrossEntropy",
    "SampledSoftmax",
    "Triplet",
    "WeightedLogistic",
]
