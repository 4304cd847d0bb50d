"""Optimizers for models with large embedding tables, and for fine-tuning."""

from tfrs_ext.optimizers.layerwise_rates import LayerwiseRates
from tfrs_ext.optimizers.lazy_adam import LazyAdam

__all__ = ["LayerwiseRates", "LazyAdam"]
