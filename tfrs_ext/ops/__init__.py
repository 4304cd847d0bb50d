"""Pure functions of tensors: no Keras objects, no state."""

from tfrs_ext.ops.row_loss import dense_row_loss, row_loss

__all__ = ["dense_row_loss", "row_loss"]
