"""Towers and the named architectures of the literature."""

from tfrs_ext.models.base import Model
from tfrs_ext.models.dcn import DCN
from tfrs_ext.models.dien import DIEN
from tfrs_ext.models.din import DIN
from tfrs_ext.models.dlrm import DLRM
from tfrs_ext.models.dssm import DSSM
from tfrs_ext.models.embedding_tower import EmbeddingTower
from tfrs_ext.models.fine_tuning import layerwise_rates, weight_paths
from tfrs_ext.models.gru_tower import GRUTower
from tfrs_ext.models.matrix_factorization import MatrixFactorization
from tfrs_ext.models.multi_task import MultiTask
from tfrs_ext.models.neumf import NeuMF
from tfrs_ext.models.rankers import RANKERS, RankingVariant, register_ranker
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.models.retrievers import RETRIEVERS, RetrievalVariant, register_retriever
from tfrs_ext.models.sequence_model import SequenceModel
from tfrs_ext.models.sequence_tower import SequenceTower
from tfrs_ext.models.softmax_model import SoftmaxModel
from tfrs_ext.models.tower import Tower
from tfrs_ext.models.two_tower import TwoTower
from tfrs_ext.models.warm_starting import WarmStart, warm_start
from tfrs_ext.models.wide_deep import WideDeep
from tfrs_ext.models.youtube_dnn import YouTubeDNN
from tfrs_ext.models.youtube_ranker import YouTubeRanker

__all__ = [
    "DCN",
    "DIEN",
    "DIN",
    "DLRM",
    "DSSM",
    "RANKERS",
    "RETRIEVERS",
    "EmbeddingTower",
    "GRUTower",
    "MatrixFactorization",
    "Model",
    "MultiTask",
    "NeuMF",
    "RankingModel",
    "RankingVariant",
    "RetrievalVariant",
    "SequenceModel",
    "SequenceTower",
    "SoftmaxModel",
    "Tower",
    "TwoTower",
    "WarmStart",
    "WideDeep",
    "YouTubeDNN",
    "YouTubeRanker",
    "layerwise_rates",
    "register_ranker",
    "register_retriever",
    "warm_start",
    "weight_paths",
]
