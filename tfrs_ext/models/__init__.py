"""Towers and the named architectures of the literature."""

from tfrs_ext.models.base import Model
from tfrs_ext.models.history_popularity import HistoryPopularity
from tfrs_ext.models.item_to_item import ItemToItem
from tfrs_ext.models.popularity import Popularity
from tfrs_ext.models.random import Random
from tfrs_ext.models.ranker import Ranker
from tfrs_ext.models.tower import Tower
from tfrs_ext.models.two_tower import TwoTower

__all__ = [
    "HistoryPopularity",
    "ItemToItem",
    "Model",
    "Popularity",
    "Random",
    "Ranker",
    "Tower",
    "TwoTower",
]
