"""An index that somebody else writes: one class, known everywhere once it is imported."""

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.conftest import make_retriever
from tests.serving.rest.conftest import publish
from tfrs_ext import indexes, serving
from tfrs_ext._keras import keras
from tfrs_ext.serving.rest import ServedModel

pytestmark = pytest.mark.usefixtures("kept_process")


@keras.saving.register_keras_serializable(package="somebody")
class Nearest(indexes.Index):
    """The k candidates of the smallest Euclidean distance, by plain operations."""

    kind = "nearest"

    def __init__(self, query_model=None, k=10, name=None, power=2.0, **kwargs):
        super().__init__(query_model, k, name, **kwargs)
        self.power = power

    def _build(self, candidates):
        return {"candidates": candidates}

    def _compute_score(self, queries, candidates):
        differences = tf.abs(queries[:, None, :] - candidates[None])
        return -tf.reduce_sum(differences**self.power, axis=2)

    def _search(self, corpus, embeddings, k):
        return tf.math.top_k(self.scores(embeddings, corpus["candidates"].read_value()), k)

    def _embeddings(self, corpus, positions):
        return tf.gather(corpus["candidates"], tf.maximum(positions, 0))

    def is_exact(self):
        return True

    def settings(self):
        return {"power": self.power}

    def get_config(self):
        return {**super().get_config(), "power": self.power}


@keras.saving.register_keras_serializable(package="somebody")
class OutsideTheGraph(Nearest):
    kind = "outside the graph"
    is_exportable = False


def distances(queries, candidates):
    return ((queries[:, None].astype(np.float64) - candidates[None]) ** 2).sum(axis=2)


@pytest.fixture
def corpus():
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 8)).astype(np.float32), rng.normal(size=(3, 8)).astype(np.float32)


def test_it_is_built_by_its_kind_and_saved(tmp_path, corpus):
    candidates, queries = corpus
    index = indexes.build_index(candidates, kind="nearest", k=4, queries=queries)
    assert type(index) is indexes.index_class("nearest") is Nearest
    assert "nearest" in indexes.index_kinds()
    expected = np.argsort(distances(queries, candidates))[:, :4]
    assert index(queries)[1].numpy().tolist() == expected.tolist()
    index.save(str(tmp_path / "index.keras"))
    loaded = keras.models.load_model(str(tmp_path / "index.keras"))
    assert loaded(queries)[1].numpy().tolist() == expected.tolist()


def test_it_is_restored_from_its_settings_alone():
    settings = {"kind": "nearest", "recall": 1.0, "power": 4.0}
    index = indexes.index_class("nearest").from_settings(settings, 50, k=3)
    assert (index.power, index._k) == (4.0, 3)


@pytest.mark.slow
def test_it_is_exported_checked_and_served(tmp_path):
    retriever = make_retriever()
    users = retriever.make_users(seen=None)
    version = serving.export(tmp_path, **retriever.arguments(users=users, k=6, index="nearest"))
    manifest = serving.read_manifest(version)
    assert manifest["index"] == {"kind": "nearest", "exact": True, "power": 2.0, "recall": 1.0}
    assert manifest["op_library"] is None
    users = retriever.users["user_id"][:5]
    features = {name: tf.constant(column[:5]) for name, column in retriever.users.items()}
    expected = np.argsort(distances(retriever.query_model(features).numpy(), retriever.candidates))
    wanted = retriever.item_ids[expected[:, :6]].tolist()
    answer = serving.query_fresh(version, {"user_id": users})
    assert answer["item_id"].tolist() == wanted
    served = ServedModel(tmp_path)
    served.refresh()
    with served.lease() as (_, servable):
        found = servable.run("serving_default", {"user_id": users.astype(object)})
        nothing = np.zeros((5, 0), np.int64)
        asked = {"user_id": users.astype(object), "exclusions": nothing}
        with pytest.raises(tf.errors.InvalidArgumentError, match="`k` must be a positive integer"):
            servable.run("recommend", {**asked, "k": np.int32(0)})
    assert found["item_id"].tolist() == wanted
    served.close()


def test_what_servers_cannot_run_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="received 'outside the graph', which can't be exported"):
        publish(tmp_path / "movies", make_retriever(), index="outside the graph")
    assert not (tmp_path / "movies").exists()


def test_a_kind_belongs_to_one_class():
    with pytest.raises(ValueError, match=r"received kind='exact' of .*Mine, which Exact has"):

        class Mine(Nearest):
            kind = "exact"

    assert indexes.index_class("exact") is indexes.Exact
