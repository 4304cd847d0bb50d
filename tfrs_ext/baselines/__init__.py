"""The classic baselines, which every model has to beat."""

from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.ease import EASE
from tfrs_ext.baselines.group_popularity import GroupPopularityBaseline
from tfrs_ext.baselines.history import HistoryBaseline
from tfrs_ext.baselines.ials import IALS
from tfrs_ext.baselines.item_neighbors import nearest_items
from tfrs_ext.baselines.item_to_item import ItemToItemBaseline
from tfrs_ext.baselines.popularity import PopularityBaseline
from tfrs_ext.baselines.positive_rate import PositiveRate
from tfrs_ext.baselines.random import RandomBaseline
from tfrs_ext.baselines.registry import (
    BASELINES,
    BaselineVariant,
    make_baseline,
    register_baseline,
)
from tfrs_ext.baselines.successors import SuccessorBaseline
from tfrs_ext.baselines.user_to_item import UserToItemBaseline
from tfrs_ext.baselines.usual import fit_baselines

__all__ = [
    "BASELINES",
    "EASE",
    "IALS",
    "Baseline",
    "BaselineVariant",
    "GroupPopularityBaseline",
    "HistoryBaseline",
    "ItemToItemBaseline",
    "PopularityBaseline",
    "PositiveRate",
    "RandomBaseline",
    "SuccessorBaseline",
    "UserToItemBaseline",
    "fit_baselines",
    "make_baseline",
    "nearest_items",
    "register_baseline",
]
