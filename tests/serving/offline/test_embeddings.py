"""Embeddings in files, and a vector store that reads them."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from tfrs_ext import indexes, serving
from tfrs_ext.serving.offline import embeddings

rng = np.random.default_rng(0)
IDS = np.arange(9) * 5 + 1
VECTORS = rng.normal(size=(9, 4)).astype(np.float32)
TITLES = [f"Nº {i}" for i in IDS]


def test_files_hold_ids_vectors_and_payload(tmp_path):
    path = serving.export_embeddings(
        tmp_path / "deep" / "items.parquet", VECTORS, {"item_id": IDS}, payload={"title": TITLES}
    )
    table = pq.read_table(path)
    assert table["item_id"].to_pylist() == IDS.tolist()
    assert table["title"].to_pylist() == TITLES
    np.testing.assert_array_equal(np.stack(table["embedding"].to_numpy()), VECTORS)
    assert table.schema.field("embedding").type.list_size == 4
    assert table.schema.metadata[b"similarity"] == b"inner product"


def test_a_tower_embeds_its_columns_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(embeddings, "_BATCH", 4)

    def tower(columns, training):
        assert len(columns["taste"]) <= 4
        return columns["taste"] * 2

    columns = {"user": [f"u{i}" for i in IDS], "taste": VECTORS}
    path = serving.export_embeddings(tmp_path / "users.parquet", tower, columns, id_column="user")
    found = np.stack(pq.read_table(path)["embedding"].to_numpy())
    np.testing.assert_array_equal(found, 2 * VECTORS)


def test_faiss_finds_what_a_sort_finds(tmp_path):
    faiss = pytest.importorskip("faiss")
    file = tmp_path / "items.faiss"
    serving.export_embeddings(
        tmp_path / "items.parquet", VECTORS, {"item_id": IDS}, faiss_path=file
    )
    _, found = faiss.read_index(str(file)).search(VECTORS[:3], 4)
    order = np.argsort(-(VECTORS[:3] @ VECTORS.T), axis=1)[:, :4]
    np.testing.assert_array_equal(found, IDS[order])


@pytest.mark.parametrize("distance", ["DOT", "COSINE"])
def test_qdrant_finds_what_our_index_finds(tmp_path, distance):
    """With cosine where the vectors have unit length, as those of towers that normalise."""
    client = pytest.importorskip("qdrant_client")
    lengths = np.linalg.norm(VECTORS, axis=1, keepdims=True) if distance == "COSINE" else 1
    vectors = VECTORS / lengths
    path = serving.export_embeddings(
        tmp_path / "items.parquet", vectors, {"item_id": IDS}, payload={"title": TITLES}
    )
    # As docs/stores.md does it.
    table, models = pq.read_table(path), client.models
    store = client.QdrantClient(":memory:")
    width = table.schema.field("embedding").type.list_size
    params = models.VectorParams(size=width, distance=models.Distance[distance])
    store.create_collection("items", vectors_config=params)
    for batch in table.to_batches(max_chunksize=4):
        points = [
            models.PointStruct(id=row.pop("item_id"), vector=row.pop("embedding"), payload=row)
            for row in batch.to_pylist()
        ]
        store.upsert("items", points)
    scores, ids = indexes.Exact(k=4).index(vectors, IDS)(VECTORS[:3])
    for query, own_scores, own_ids in zip(VECTORS[:3], scores.numpy(), ids.numpy(), strict=True):
        found = store.query_points("items", query=query.tolist(), limit=4).points
        assert [point.id for point in found] == own_ids.tolist()
        length = np.linalg.norm(query) if distance == "COSINE" else 1  # A constant of the query.
        np.testing.assert_allclose([p.score for p in found], own_scores / length, rtol=1e-5)
        assert [p.payload["title"] for p in found] == [f"Nº {i}" for i in own_ids]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id_column": "sku"}, "must hold the ids, column 'sku'"),
        ({"columns": {"item_id": [1] * 9}}, "must be unique"),
        ({"embeddings": VECTORS[:3]}, r"must be \[N, D\] for the 9 ids"),
        ({"embeddings": np.full((9, 4), np.nan)}, "must be finite, received NaN"),
        ({"payload": {"title": ["a"]}}, "columns of 9 values"),
        ({"payload": {"embedding": TITLES}}, "under other names"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, changes, message):
    arguments = {"embeddings": VECTORS, "columns": {"item_id": IDS}, **changes}
    with pytest.raises(ValueError, match=message):
        serving.export_embeddings(tmp_path / "items.parquet", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_bfloat_and_half_are_written_as_float32(tmp_path):
    half = lambda columns, training: tf.cast(columns["taste"], tf.float16)  # noqa: E731
    columns = {"item_id": IDS, "taste": VECTORS}
    path = serving.export_embeddings(tmp_path / "items.parquet", half, columns)
    assert pq.read_table(path).schema.field("embedding").type.value_type == "float"
