"""Optimizers for models with large embedding tables."""

from tfrs_ext.optimizers.lazy_adam import LazyAdam

__all__ = ["LazyAdam"]
