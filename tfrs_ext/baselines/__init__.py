"""The classic baselines, which every model has to beat."""

from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.history import HistoryBaseline
from tfrs_ext.baselines.item_neighbors import nearest_items
from tfrs_ext.baselines.item_to_item import ItemToItemBaseline
from tfrs_ext.baselines.popularity import PopularityBaseline
from tfrs_ext.baselines.positive_rate import PositiveRate
from tfrs_ext.baselines.random import RandomBaseline
from tfrs_ext.baselines.usual import fit_baselines

__all__ = [
    "Baseline",
    "HistoryBaseline",
    "ItemToItemBaseline",
    "PopularityBaseline",
    "PositiveRate",
    "RandomBaseline",
    "fit_baselines",
    "nearest_items",
]
