"""A corpus read from batches, by way of a file."""

import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.indexes.corpus_checks import as_numbers


def read_corpus(batches: Iterable[Any]) -> tuple[npt.NDArray[np.float32], tf.Tensor | None]:
    """Returns `candidates` `[C, D]` float32, and ids `[C]` or None, of batches of either kind.

    The batches go through a temporary file, from which the candidates are mapped: their pages can
    be dropped and read again. Joined in memory, they would be there twice before anything is built.

    Args:
        batches: Dataset, or iterable, of `[B, D]` embeddings or `(ids [B], embeddings [B, D])`.

    Raises:
        ValueError: Where there is no batch, or widths differ.
    """
    ids: list[Any] = []
    rows, width = 0, 0
    with tempfile.TemporaryFile() as file:
        for batch in batches:
            if isinstance(batch, tuple):
                ids.append(batch[0])
            vectors = batch[1] if isinstance(batch, tuple) else batch
            block = as_numbers(vectors, "candidates", "batches of embeddings [B, D]").numpy()
            width = width or block.shape[-1]
            if block.ndim != 2 or block.shape[1] != width:
                raise ValueError(
                    f"`candidates` must hold batches [B, {width}], received shape={block.shape}."
                )
            file.write(np.ascontiguousarray(block).data)
            rows += len(block)
        if not rows:
            raise ValueError("`candidates` must hold at least one row, received none.")
        file.flush()
        open_file: Any = file
        candidates = np.memmap(open_file, np.float32, "r", shape=(rows, width)).view(np.ndarray)
    return candidates, tf.concat(ids, axis=0) if ids else None
