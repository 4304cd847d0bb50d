"""Regularizers for large embedding tables."""

from tfrs_ext.regularizers.mini_batch_aware_l2 import MiniBatchAwareL2

__all__ = ["MiniBatchAwareL2"]
