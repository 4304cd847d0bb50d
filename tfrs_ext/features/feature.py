"""What every column kind is."""

import abc
import dataclasses
from typing import Any, ClassVar, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import Config

Cell = Union[str, np.float32, np.int64, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Feature(abc.ABC):
    """One input column, with the facts that a model needs in order to embed it.

    A subclass is a column kind. It is a frozen dataclass whose fields are JSON-able (tuples, not
    lists), and it registers itself: with a `kind`, `data.Schema` accepts that word, `load_frames`
    checks the column by `convert`, `fit_features` calls `fit`, batches hold what `to_array` gives,
    and models embed it by `encoder`.

    Args:
        name: The column, which is the key in batches and in the signatures of an export.

    Attributes:
        kind: The word for it in a `data.Schema`; "" where it isn't a column of a table.

    Example:
        >>> import dataclasses
        >>> from tfrs_ext.features import ColumnEncoder
        >>> class SwitchEncoder(ColumnEncoder):
        ...     def call(self, values):
        ...         return tf.cast(values, self.compute_dtype)[:, tf.newaxis]
        >>> @dataclasses.dataclass(frozen=True)
        ... class Switch(Feature):
        ...     kind = "switch"
        ...     missing = np.int64(0)
        ...     def encoder(self, embedding_dim):
        ...         return SwitchEncoder(self)
        ...     def output_width(self, embedding_dim):
        ...         return 1
        >>> Switch("is_new").example()
        <tf.Tensor: shape=(1,), dtype=int64, numpy=array([0])>
    """

    name: str
    kind: ClassVar[str] = ""
    _classes: ClassVar[dict[str, type["Feature"]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for other in Feature._classes.values():
            same = other.__name__ == cls.__name__ or (cls.kind and other.kind == cls.kind)
            # Whoever runs a notebook's cell again defines the same class again.
            if same and (other.__module__, other.__qualname__) != (
                cls.__module__,
                cls.__qualname__,
            ):
                raise ValueError(
                    f"A column kind must have a name and a `kind` of its own, received "
                    f"{cls.__name__!r} of kind {cls.kind!r}, which {other.__module__} has. "
                    "Rename yours."
                )
        Feature._classes[cls.__name__] = cls

    @staticmethod
    def kinds() -> tuple[str, ...]:
        """Returns the words that a `data.Schema` may use."""
        return tuple(sorted(cls.kind for cls in Feature._classes.values() if cls.kind))

    @staticmethod
    def of_kind(kind: str) -> type["Feature"]:
        """Returns the class of a kind.

        Args:
            kind: One of `kinds()`.

        Raises:
            ValueError: There is no such kind.
        """
        for cls in Feature._classes.values():
            if kind and cls.kind == kind:
                return cls
        raise ValueError(f"`kind` must be one of {Feature.kinds()}, received {kind!r}.")

    @classmethod
    def convert(cls, column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
        """Checks a column of a table and brings it into the kind's form.

        Args:
            column: The column as it came; missing cells stay missing.
            name: What an error calls the column, such as "users['age']".

        Raises:
            ValueError: A cell doesn't fit the kind.
        """
        return column

    @classmethod
    def fit(cls, name: str, column: "pd.Series[Any]") -> "Feature":
        """Learns the facts from a column of training rows. A subclass may add keyword options.

        Args:
            name: The column.
            column: What `convert` returned, one cell for each user or item that occurs.
        """
        return cls(name)

    @property
    @abc.abstractmethod
    def missing(self) -> Cell:
        """What an empty cell becomes: a string, or a NumPy value of the column's dtype."""

    @property
    def unknown(self) -> Cell:
        """What stands for a user or an item that the tables lack; `missing` by default."""
        return self.missing

    @property
    def shape(self) -> tuple[Union[int, None], ...]:
        """The shape of a cell; None where a dimension's size is free."""
        return np.shape(self.missing)

    def to_array(self, column: "pd.Series[Any]") -> npt.NDArray[Any]:
        """Returns a column as models read it, with `missing` in its empty cells.

        Args:
            column: What `convert` returned.
        """
        empty = np.asarray(self.missing)
        if empty.dtype.kind not in "US":
            return column.fillna(empty.item()).to_numpy(empty.dtype)
        return column.astype(object).where(column.notna(), self.missing).to_numpy(object)

    def fill(self, column: tf.Tensor) -> tf.Tensor:
        """Returns a floating column of a batch with `missing` in its empty cells, which are NaN.

        Args:
            column: `[B, ...]`.
        """
        empty = tf.cast(np.asarray(self.missing), column.dtype)
        return tf.where(tf.math.is_nan(column), empty, column)

    def to_dense(self, column: tf.RaggedTensor | tf.SparseTensor) -> tf.Tensor:
        """Returns a column of a batch that is ragged or sparse as a dense one.

        Args:
            column: `[B, (values)]`.

        Raises:
            ValueError: The kind holds one value a row.
        """
        raise ValueError(
            f"`inputs[{self.name!r}]` must be dense, received a {type(column).__name__}. "
            "`Categories` and `History` hold several values a row."
        )

    def example(self) -> tf.Tensor:
        """Returns a column of one row, of the right dtype and shape."""
        return tf.constant(np.asarray(self.missing)[np.newaxis])

    @abc.abstractmethod
    def encoder(self, embedding_dim: int) -> keras.layers.Layer:
        """Returns a new layer from columns `[B, ...]` to numbers `[B, W]`.

        Args:
            embedding_dim: The width of embeddings.
        """

    def output_width(self, embedding_dim: int) -> int:
        """Returns W, the width of what `encoder` returns; `embedding_dim` by default.

        Args:
            embedding_dim: The width of embeddings.
        """
        return embedding_dim

    def get_config(self) -> Config:
        """Returns a JSON-able description, for `Feature.from_config`."""
        return {"class_name": type(self).__name__, **dataclasses.asdict(self)}

    @staticmethod
    def from_config(config: Config) -> "Feature":
        """Builds the feature that `get_config` described.

        Raises:
            ValueError: No column kind of that name is defined.
        """
        values = {key: _as_tuple(value) for key, value in config.items() if key != "class_name"}
        cls = Feature._classes.get(config["class_name"])
        if cls is None:
            raise ValueError(
                f"The feature {config['name']!r} is of a kind that isn't defined here, "
                f"{config['class_name']!r}. Import the module that defines it first."
            )
        return cls(**values)


def _as_tuple(value: object) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
