"""ScaNN's operations on the tensors of a corpus, without the library's traps."""

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext.indexes.corpus import Corpus
from tfrs_ext.indexes.op_library import load_op_library
from tfrs_ext.indexes.query_shares import share_out

OP_LIBRARY = "scann/scann_ops/cc/_scann_ops.so"
_INSTALL = (
    "A ScaNN index needs the scann package, which could not be imported ({error}): install it "
    'with `pip install "tfrs-ext[scann]"`, or use `tfrs_ext.indexes.Exact`.'
)
# In the order of `scann_to_tensors`.
_PARTS = (
    "config",
    "partitioner",
    "tokens",
    "codebook",
    "hashed",
    "int8_vectors",
    "int8_multipliers",
    "norms",
    "vectors",
)


@functools.cache
def scann_ops() -> Any:
    """Returns `scann.scann_ops`; the import is late, since few programs need it.

    Raises:
        ImportError: Where the scann package is missing.
    """
    try:
        import scann
    except ImportError as error:
        raise ImportError(_INSTALL.format(error=error)) from error
    load_op_library(OP_LIBRARY)
    return scann.scann_ops


def build_searcher(candidates: tf.Tensor, configure: Callable[[Any], Any]) -> dict[str, tf.Tensor]:
    """Returns the tensors of a searcher trained on candidates, by name.

    Args:
        candidates: `[C, D]` float32, finite and of usual scale: ScaNN ends the process at others.
        configure: From a `ScannBuilder` to one with its options set.
    """
    ops = scann_ops()
    builder = configure(ops.builder(candidates, 1, "dot_product"))
    handle = builder.build().searcher_handle
    tensors = dict(zip(_PARTS, ops.scann_to_tensors(handle), strict=True))
    tf.raw_ops.DestroyResourceOp(resource=handle)
    return tensors


def search(
    corpus: Corpus,
    queries: tf.Tensor,
    k: int | tf.Tensor,
    pre_reorder: int | tf.Tensor,
    leaves: int | tf.Tensor,
    parts: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns positions and dot products `[B, k]`; places not filled have position 0 and NaN.

    Args:
        corpus: A corpus with the tensors of `build_searcher`.
        queries: `[B, D]` float32.
        k: How many results.
        pre_reorder: How many candidates are scored exactly.
        leaves: How many leaves are searched.
        parts: How many operations, which a graph runs side by side, share the queries.
    """
    found = [
        _search_part(corpus, part, k, pre_reorder, leaves) for part in share_out(queries, parts)
    ]
    if len(found) == 1:
        return found[0]
    positions, scores = zip(*found, strict=True)
    return tf.concat(positions, axis=0), tf.concat(scores, axis=0)


def search_until_filled(
    search: Callable[[int | tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    leaves: int | tf.Tensor,
    all_leaves: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns what a search of some leaves finds, or of all where a query found too few.

    Leaves differ in size: where most candidates are alike, one leaf holds them and many are empty.

    Args:
        search: From a number of leaves to positions and scores.
        leaves: How many are searched at first.
        all_leaves: How many there are.
    """
    found = search(leaves)
    if all_leaves == 1:
        return found
    lacks = tf.reduce_any(tf.math.is_nan(found[1]))
    if tf.executing_eagerly():
        return search(all_leaves) if lacks else found
    positions, scores = tf.cond(lacks, lambda: search(all_leaves), lambda: found)
    return positions, scores


def _search_part(
    corpus: Corpus,
    queries: tf.Tensor,
    k: int | tf.Tensor,
    pre_reorder: int | tf.Tensor,
    leaves: int | tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    # Told to be parallel, as here, the operation takes an empty part, and shares more than 256
    # queries among threads.
    positions, scores = scann_ops().scann_search_batched(
        _handle(corpus), queries, k, pre_reorder, leaves, True
    )
    if tf.executing_eagerly() and positions.shape[1] == k:
        return positions, scores
    # Where no query of a part found k, the library returns fewer columns.
    missing = [[0, 0], [0, tf.maximum(k - tf.shape(positions)[1], 0)]]
    return tf.pad(positions, missing), tf.pad(scores, missing, constant_values=float("nan"))


_eager_handles: "weakref.WeakKeyDictionary[Corpus, tf.Tensor]" = weakref.WeakKeyDictionary()


def _handle(corpus: Corpus) -> tf.Tensor:
    """Returns a handle of the searcher; in a graph a new one for each call.

    Searches with one handle would run one after the other in a graph, on one core.
    """
    if corpus in _eager_handles and tf.executing_eagerly():
        return _eager_handles[corpus]
    parts = [corpus[name] for name in (_PARTS[-1], *_PARTS[:-1])]
    handle = _make_handle(parts, corpus.unique_name)
    if corpus not in _eager_handles:
        # The library's copy of the searcher goes with the corpus, which the last user lets go.
        weakref.finalize(corpus, _destroy, parts, corpus.unique_name).atexit = False
    if tf.executing_eagerly():
        _eager_handles[corpus] = handle
    return handle


def _make_handle(parts: Sequence[tf.Variable], name: str) -> tf.Tensor:
    # Searchers of one name are one searcher: a name that no other has keeps two indexes in one
    # SavedModel apart, and lets all signatures share one copy in memory.
    return scann_ops().tensors_to_scann(*parts, shared_name=name)


def _destroy(parts: Sequence[tf.Variable], name: str) -> None:
    # Python may collect a corpus while a graph is built, which these operations are no part of.
    with tf.__internal__.eager_context.eager_mode():
        handle = _make_handle(parts, name)
        tf.raw_ops.DestroyResourceOp(resource=handle, ignore_lookup_error=True)
