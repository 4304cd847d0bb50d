"""Towers and the named architectures of the literature."""

from tfrs_ext.models.base import Model
from tfrs_ext.models.baseline import Baseline
from tfrs_ext.models.dcn import DCN
from tfrs_ext.models.dien import DIEN
from tfrs_ext.models.din import DIN
from tfrs_ext.models.history_baseline import HistoryBaseline
from tfrs_ext.models.item_to_item_baseline import ItemToItemBaseline
from tfrs_ext.models.multi_task import MultiTask
from tfrs_ext.models.neumf import NeuMF
from tfrs_ext.models.popularity_baseline import PopularityBaseline
from tfrs_ext.models.random_baseline import RandomBaseline
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.models.tower import Tower
from tfrs_ext.models.two_tower import TwoTower
from tfrs_ext.models.warm_start import warm_start
from tfrs_ext.models.wide_deep import WideDeep
from tfrs_ext.models.youtube_ranker import YouTubeRanker

__all__ = [
    "DCN",
    "DIEN",
    "DIN",
    "Baseline",
    "HistoryBaseline",
    "ItemToItemBaseline",
    "Model",
    "MultiTask",
    "NeuMF",
    "PopularityBaseline",
    "RandomBaseline",
    "RankingModel",
    "Tower",
    "TwoTower",
    "WideDeep",
    "YouTubeRanker",
    "warm_start",
]
