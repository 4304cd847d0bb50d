"""Towers and the named architectures of the literature."""

from tfrs_ext.models.base import Model
from tfrs_ext.models.baseline import Baseline
from tfrs_ext.models.history_baseline import HistoryBaseline
from tfrs_ext.models.item_to_item_baseline import ItemToItemBaseline
from tfrs_ext.models.popularity_baseline import PopularityBaseline
from tfrs_ext.models.random_baseline import RandomBaseline
from tfrs_ext.models.tower import Tower
from tfrs_ext.models.two_tower import TwoTower

__all__ = [
    "Baseline",
    "HistoryBaseline",
    "ItemToItemBaseline",
    "Model",
    "PopularityBaseline",
    "RandomBaseline",
    "Tower",
    "TwoTower",
]
