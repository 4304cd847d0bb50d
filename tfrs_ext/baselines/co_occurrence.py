"""How often items occur together, and the most similar items of each item by that."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_Ints = npt.NDArray[np.signedinteger[Any]]
_CELLS_IN_BLOCK = 2**24


class CountBlock(NamedTuple):
    """Some rows of the matrix of how often items occur together.

    Attributes:
        rows: `[b]` int64, the items.
        splits: `[b + 1]` int32, where the cells of each row begin.
        columns: `[n]` int32, the other item of each cell, ascending in a row.
        counts: `[n]` float32, how many owners have both; an item with itself: how many have it.
    """

    rows: _Ints
    splits: tf.Tensor
    columns: tf.Tensor
    counts: tf.Tensor


def count_together(
    owners: _Ints, items: _Ints, num_owners: int, num_items: int
) -> Iterator[CountBlock]:
    """Yields how often items occur together, all cells above 0, some rows at a time.

    With A the owners-by-items matrix of ones, these are the cells of A'A. A block of its rows at a
    time is computed as a product of sparse matrices, so that neither memory nor time depends on the
    square of the number of items:

        items, rare first            owners            items
        [ block  | . x . . ]   x   [ x . x ]   =   [ block of A'A, sparse ]

    Args:
        owners: `[N]` int32, the owner of each pair, no pair twice.
        items: `[N]` int32, the item of each pair.
        num_owners: The number of owners.
        num_items: The number of items, C.
    """
    if not len(items):
        return
    everything = _matrix(owners, items, (num_owners, num_items))
    # How many pairs of an item's owners with their items, which bounds its row of A'A.
    widths = np.bincount(items, np.bincount(owners)[owners], num_items).astype(np.int64)
    # Items of like widths stand together, so that rows padded to one width waste little.
    order = np.argsort(widths, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(num_items)
    by_place = np.argsort(places[items], kind="stable")
    pairs = places[items][by_place], owners[by_place]
    for begin, end in _blocks(np.minimum(widths[order], num_items)):
        inside = slice(*np.searchsorted(pairs[0], [begin, end]))
        block = _matrix(pairs[0][inside] - begin, pairs[1][inside], (end - begin, num_owners))
        product = tf.raw_ops.SparseMatrixSparseMatMul(a=block, b=everything, type=tf.float32)
        splits, columns, counts = tf.raw_ops.CSRSparseMatrixComponents(
            csr_sparse_matrix=product, index=0, type=tf.float32
        )
        yield CountBlock(order[begin:end], splits, columns, counts)


def nearest_by_cosine(
    owners: _Ints, items: _Ints, num_owners: int, num_items: int, k: int, shrinkage: float = 0.0
) -> tuple[_Ints, npt.NDArray[np.float32]]:
    """Returns each item's k nearest neighbours by the cosine of co-occurrence.

    `similarity(i, j) = |i and j| / (sqrt(|i| |j|) + shrinkage)`

    Args:
        owners: `[N]` int32, the owner of each pair, no pair twice.
        items: `[N]` int32, the item of each pair.
        num_owners: The number of owners.
        num_items: The number of items, C.
        k: The number of neighbours to keep, at most C.
        shrinkage: What makes similarities small that few owners bear witness to.

    Returns:
        Neighbours `[C, k]` int32 and their similarities `[C, k]` float32, descending; of equal
        ones, the smaller item comes first. Where fewer have an owner in common, they are 0.
    """
    neighbors = np.zeros([num_items, k], np.int32)
    similarities = np.zeros([num_items, k], np.float32)
    norms = np.sqrt(np.bincount(items, minlength=num_items), dtype=np.float32)
    for block in count_together(owners, items, num_owners, num_items):
        found = _top_k(block, norms, shrinkage, k)
        width = found[0].shape[1]
        neighbors[block.rows, :width], similarities[block.rows, :width] = found
    return neighbors, similarities


def _matrix(rows: _Ints, columns: _Ints, shape: tuple[int, int]) -> tf.Tensor:
    """Returns a sparse matrix of ones in TensorFlow's compressed form."""
    order = np.lexsort((columns, rows))
    cells = np.stack([rows[order], columns[order]], axis=1).astype(np.int64)
    ones = tf.ones([len(cells)])
    return tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=cells, values=ones, dense_shape=np.array(shape, np.int64)
    )


def _blocks(widths: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Returns ranges of rows that take a bounded number of cells, padded to the last's width."""
    bounds, begin = [], 0
    while begin < len(widths):
        cells = widths[begin:] * np.arange(1, len(widths) - begin + 1)
        end = begin + max(1, int(np.searchsorted(cells, _CELLS_IN_BLOCK, side="right")))
        bounds.append((begin, end))
        begin = end
    return bounds


def _top_k(
    block: CountBlock, norms: npt.NDArray[np.float32], shrinkage: float, k: int
) -> tuple[_Ints, npt.NDArray[np.float32]]:
    """Returns the items and similarities of the largest cells of each row, itself excepted."""
    owner = np.repeat(block.rows, np.diff(block.splits))
    scales = norms[block.columns] * norms[owner] + np.float32(shrinkage)
    cosines = tf.where(block.columns == owner, 0.0, block.counts / scales)
    padded = [
        tf.RaggedTensor.from_row_splits(values, block.splits).to_tensor()
        for values in (cosines, block.columns)
    ]
    values, places = tf.math.top_k(padded[0], min(k, padded[0].shape[1]))
    return tf.gather(padded[1], places, batch_dims=1).numpy(), values.numpy()
