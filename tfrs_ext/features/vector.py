"""A column of vectors of one width."""

import dataclasses
from typing import Any, ClassVar, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features.cells import check_cells
from tfrs_ext.features.column_encoder import ColumnEncoder
from tfrs_ext.features.feature import Feature

_Vector = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Vector(Feature):
    """A column `[B, V]` of float32 vectors, such as embeddings of images or texts.

    They are moved by `mean`, divided by `scale`, and projected to the width of embeddings by a
    trained layer. One scale for all numbers keeps the angles between the vectors.

    Args:
        name: The column.
        width: V, how many numbers a vector has.
        mean: The mean vector of the training rows; empty for zeros.
        scale: The root mean square of the training rows' distances from the mean, per number.

    Raises:
        ValueError: `width` or `scale` isn't positive, or `mean` has another width.

    Example:
        >>> feature = Vector.fit("image", pd.Series([[0.0, 1.0], [2.0, 1.0]]))
        >>> feature.width, feature.mean
        (2, (1.0, 1.0))
    """

    kind: ClassVar[str] = "vector"
    width: int = 1
    mean: tuple[float, ...] = ()
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"`width` must be a positive integer, received width={self.width}.")
        if len(self.mean) not in (0, self.width):
            raise ValueError(f"`mean` must have {self.width} numbers, received {len(self.mean)}.")
        if not 0 < self.scale < np.inf:
            raise ValueError(f"`scale` must be a positive number, received scale={self.scale}.")

    @classmethod
    def convert(cls, column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
        """Returns arrays of float32; a cell may be a list, an array, or a text of numbers."""
        vectors = column.astype(object).map(_as_vector, na_action="ignore")
        wanted = f"{name} must hold vectors of finite numbers"
        mend = "Correct it or leave the cell empty."
        check_cells(column, vectors.isna() & column.notna(), wanted, mend)
        widths = vectors.map(len, na_action="ignore")
        most = widths.mode().iloc[0] if widths.notna().any() else 0
        wanted = f"{name} must hold vectors of one width, as most are of {most:.0f} numbers"
        check_cells(column, widths.notna() & (widths != most), wanted, mend)
        return vectors

    @classmethod
    def fit(cls, name: str, column: "pd.Series[Any]") -> "Vector":
        """Takes the width, the mean and the scale of what is present."""
        present = column.dropna()
        if not len(present):
            raise ValueError(
                f"The column {name!r} must hold a vector in some training row, received none. "
                "Leave it out of the schema."
            )
        vectors = np.stack(present.to_list()).astype(np.float64)
        mean, scale = vectors.mean(0), float(np.sqrt(vectors.var(0).mean()))
        return cls(name, vectors.shape[1], tuple(mean.tolist()), scale or 1.0)

    @property
    def missing(self) -> _Vector:
        """An empty cell is the mean."""
        return np.asarray(self.mean or np.zeros(self.width), np.float32)

    def to_array(self, column: "pd.Series[Any]") -> _Vector:
        """Returns the vectors `[rows, V]`."""
        empty = self.missing
        cells = zip(column, column.isna(), strict=True)
        return np.stack([empty if absent else vector for vector, absent in cells])

    def encoder(self, embedding_dim: int) -> ColumnEncoder:
        """Returns a layer that centres, scales and projects."""
        return _VectorEncoder(self, embedding_dim)


class _VectorEncoder(ColumnEncoder):
    def __init__(self, feature: Vector, embedding_dim: int) -> None:
        super().__init__(feature)
        self.projection = keras.layers.Dense(embedding_dim, name="projection")

    def call(self, values: tf.Tensor) -> tf.Tensor:
        centred = (tf.cast(values, tf.float32) - self.feature.missing) / self.feature.scale
        known = tf.where(tf.math.is_nan(centred), 0.0, centred)
        return self.projection(tf.cast(known, self.compute_dtype))


def _as_vector(cell: object) -> Union[_Vector, None]:
    """Returns a cell as a vector, or None where it is none."""
    if isinstance(cell, str):
        cell = cell.strip("[]() ").replace(",", " ").split()
    try:
        vector = np.asarray(cell, np.float32)
    except (TypeError, ValueError):
        return None
    return vector if vector.ndim == 1 and len(vector) and np.isfinite(vector).all() else None
