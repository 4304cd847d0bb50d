"""Towers and the named architectures of the literature."""

from tfrs_ext.models.base import Model
from tfrs_ext.models.tower import Tower
from tfrs_ext.models.two_tower import TwoTower

__all__ = ["Model", "Tower", "TwoTower"]
