"""Types of arguments that several packages share, and the legend of shapes.

Shapes in docstrings: `B` queries, `C` candidates scored, `N` negatives, `D` embedding width,
`L` history length, `K` results.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, Union

import numpy.typing as npt
import tensorflow as tf

TensorLike = Union[tf.Tensor, tf.RaggedTensor, npt.ArrayLike]
"""A tensor, or what `tf.convert_to_tensor` takes: an array, a list, a number."""

PositionLists = Union[tf.RaggedTensor, npt.NDArray[Any], Sequence[Any]]
"""Positions in the catalogue for each query: `[Q]`, `[Q, P]` padded by negatives, or lists."""

Columns = Mapping[str, TensorLike]
"""A batch or a table: from the names of its columns to their values."""

Inputs = Union[TensorLike, Columns, tuple[TensorLike, ...]]
"""What a model is called with: an array, columns by name, or several arrays."""

Vocabulary = Union[tuple[int, ...], tuple[str, ...]]
"""The known values of a column of ids, categories or words."""

PathLike = Union[str, os.PathLike[str]]
"""A file or a folder."""

DType = Union[str, tf.DType]
"""A dtype or its name, such as `"float32"`."""

Config = dict[str, Any]
"""What `get_config` gives: JSON-able."""

Activation = Union[str, Callable[[tf.Tensor], tf.Tensor], None]
"""A name that Keras knows, a function, a layer, or None for none."""

Training = Union[bool, tf.Tensor, None]
"""Whether the model trains; None where Keras decides."""

PrintFn = Callable[[str], object]
"""Takes a line for people to read, as `print` does."""


class Embedder(Protocol):
    """A tower, or anything else that is called with raw columns and gives embeddings `[B, D]`."""

    def __call__(self, inputs: Any, *, training: Any = ...) -> tf.Tensor:
        """Returns embeddings `[B, D]`."""


class HyperParameters(Protocol):
    """What a search space uses of keras-tuner's `HyperParameters`."""

    def Choice(  # noqa: N802
        self, name: str, values: Sequence[Any], *, default: Any = ..., **options: Any
    ) -> Any:
        """Registers one of several values."""

    def Int(  # noqa: N802
        self,
        name: str,
        min_value: int,
        max_value: int,
        *,
        default: int | None = ...,
        **options: Any,
    ) -> int:
        """Registers a whole number."""

    def Float(  # noqa: N802
        self,
        name: str,
        min_value: float,
        max_value: float,
        *,
        default: float | None = ...,
        **options: Any,
    ) -> float:
        """Registers a number."""

    def Boolean(self, name: str, *, default: bool = ...) -> bool:  # noqa: N802
        """Registers a switch."""

    def conditional_scope(self, name: str, values: Sequence[Any]) -> AbstractContextManager[None]:
        """Opens a scope of hyper-parameters that count where `name` has one of the values."""
