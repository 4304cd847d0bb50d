"""Embeddings as files for the vector stores that people run."""

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from tfrs_ext.files import replace_file
from tfrs_ext.typing import Columns, Embedder, PathLike, TensorLike

_BATCH = 4096


def export_embeddings(
    path: PathLike,
    embeddings: Embedder | TensorLike,
    columns: Columns,
    *,
    id_column: str = "item_id",
    payload: Columns | None = None,
    faiss_path: PathLike | None = None,
) -> pathlib.Path:
    """Writes embeddings with their ids to Parquet, and to a faiss index by choice.

    The file has the column of the ids, `embedding`, a list of D float32 of fixed length, and those
    of `payload`. Its metadata say `similarity: inner product`: that is what the embeddings are
    made for, and what the store must be set to.

    Args:
        path: The Parquet file; it is written whole or not at all.
        embeddings: `[N, D]`, or the tower that makes them of `columns`, in batches.
        columns: `{column: [N, ...]}`, the ids, and what the tower reads.
        id_column: The name of the column with the ids.
        payload: `{column: [N]}`, more columns for the file, such as titles.
        faiss_path: A file for a faiss index (exact, inner product), or None. Its ids are the
            integers of the column; strings get their row numbers.

    Returns:
        The Parquet file.

    Raises:
        ValueError: Lengths differ, ids are missing, or a vector isn't finite.
        ImportError: `faiss_path` is given and faiss isn't installed.

    Relations:
        `serving.export` publishes a version with an index of its own, which needs no store.

    Example:
        >>> import tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "items.parquet")
        >>> path = export_embeddings(path, [[1.0, 2.0]], {"item_id": [7]}, payload={"title": ["A"]})
        >>> pq.read_table(path).to_pylist()
        [{'item_id': 7, 'embedding': [1.0, 2.0], 'title': 'A'}]
    """
    ids = _ids_of(columns, id_column)
    faiss = None if faiss_path is None else _import_faiss()
    vectors = _vectors_of(embeddings, columns, len(ids))
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ValueError(
            f"`embeddings` must be finite, received NaN or infinity in {len(bad)} of {len(ids)} "
            f"rows, first in row {bad[0]}."
        )
    table = {
        id_column: pa.array(ids.tolist()),
        "embedding": pa.FixedSizeListArray.from_arrays(vectors.reshape(-1), vectors.shape[1]),
    }
    for name, values in (payload or {}).items():
        if name in table or len(np.asarray(values)) != len(ids):
            raise ValueError(
                f"`payload` must hold columns of {len(ids)} values under other names than "
                f"{list(table)}, received {name!r} of {len(np.asarray(values))}."
            )
        table[name] = pa.array(np.asarray(values).tolist())
    written = pa.table(table).replace_schema_metadata({"similarity": "inner product"})
    path = pathlib.Path(path)
    with replace_file(path) as part:
        pq.write_table(written, part)
    if faiss is not None and faiss_path is not None:
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        numbers = ids if ids.dtype.kind in "iu" else np.arange(len(ids))
        index.add_with_ids(vectors, numbers.astype(np.int64))
        with replace_file(faiss_path) as part:
            faiss.write_index(index, str(part))
    return path


def _ids_of(columns: Columns, id_column: str) -> npt.NDArray[Any]:
    if id_column not in columns:
        raise ValueError(
            f"`columns` must hold the ids, column {id_column!r}, received {list(columns)}."
        )
    ids = np.asarray(columns[id_column])
    if len(np.unique(ids)) != len(ids):
        raise ValueError(f"Column {id_column!r} of `columns` must be unique.")
    return ids


def _vectors_of(
    embeddings: Embedder | TensorLike, columns: Columns, count: int
) -> npt.NDArray[np.float32]:
    if callable(embeddings):
        parts = list(_embed(embeddings, columns, count))
        vectors = np.concatenate(parts)
    else:
        vectors = np.asarray(embeddings, np.float32)
    if vectors.ndim != 2 or len(vectors) != count:
        raise ValueError(
            f"`embeddings` must be [N, D] for the {count} ids, received shape {vectors.shape}."
        )
    return np.ascontiguousarray(vectors, np.float32)


def _embed(tower: Embedder, columns: Columns, count: int) -> Iterator[npt.NDArray[np.float32]]:
    tensors = {name: tf.convert_to_tensor(values) for name, values in columns.items()}
    features = getattr(tower, "features", None)
    names = list(tensors) if features is None else [feature.name for feature in features]
    for begin in range(0, count, _BATCH):
        some = {name: tensors[name][begin : begin + _BATCH] for name in names}
        yield tf.cast(tower(some, training=False), tf.float32).numpy()


def _import_faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            f"`faiss_path` needs faiss, which could not be imported ({error}): install it with "
            "`pip install faiss-cpu`."
        ) from error
    return faiss
