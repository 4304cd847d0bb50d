"""Pure functions of tensors: no Keras objects, no state."""

from tfrs_ext.ops.kernel import dense_row_loss, row_loss

__all__ = ["dense_row_loss", "row_loss"]
