"""The most similar items of each item, by who has both."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_Ints = npt.NDArray[np.signedinteger[Any]]
_CELLS_IN_BLOCK = 2**24


def nearest_by_cosine(
    owners: _Ints, items: _Ints, num_owners: int, num_items: int, k: int
) -> tuple[_Ints, npt.NDArray[np.float32]]:
    """Returns each item's k nearest neighbours by the cosine of co-occurrence.

    With A the owners-by-items matrix of ones, the cosines are those of the columns of A. A block
    of rows of A'A at a time is computed as a product of sparse matrices, so that neither memory
    nor time depends on the square of the number of items:

        items, rare first            owners            items
        [ block  | . x . . ]   x   [ x . x ]   =   [ block of A'A, sparse ]  -> top k of each row

    Args:
        owners: `[N]` int32, the owner of each pair, no pair twice.
        items: `[N]` int32, the item of each pair.
        num_owners: How many owners there are.
        num_items: C, how many items there are.
        k: How many neighbours to keep, at most C.

    Returns:
        Neighbours `[C, k]` int32 and their cosines `[C, k]` float32, descending; of equal cosines,
        the smaller item comes first. Where fewer have an owner in common, cosines are 0.
    """
    neighbors = np.zeros([num_items, k], np.int32)
    cosines = np.zeros([num_items, k], np.float32)
    if not len(items):
        return neighbors, cosines
    sizes = np.bincount(items, minlength=num_items)
    scales = np.float32(1) / np.sqrt(np.maximum(sizes, 1), dtype=np.float32)
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
        rows = order[begin:end]
        found = _top_k(product, rows, scales, k)
        neighbors[rows, : found[0].shape[1]], cosines[rows, : found[1].shape[1]] = found
    return neighbors, cosines


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
    product: tf.Tensor, rows: npt.NDArray[np.int64], scales: npt.NDArray[np.float32], k: int
) -> tuple[_Ints, npt.NDArray[np.float32]]:
    """Returns the items and cosines of the largest cells of each row, itself excepted."""
    splits, columns, counts = tf.raw_ops.CSRSparseMatrixComponents(
        csr_sparse_matrix=product, index=0, type=tf.float32
    )
    owner = np.repeat(rows, np.diff(splits))
    cosines = counts * scales[columns] * scales[owner]
    cosines = tf.where(columns == owner, 0.0, cosines)
    padded = [
        tf.RaggedTensor.from_row_splits(values, splits).to_tensor() for values in (cosines, columns)
    ]
    values, places = tf.math.top_k(padded[0], min(k, padded[0].shape[1]))
    return tf.gather(padded[1], places, batch_dims=1).numpy(), values.numpy()
