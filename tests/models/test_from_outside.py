"""A loss and a source of negatives written outside the package: task, files, tuning."""

import json

import numpy as np
import tensorflow as tf

from tfrs_ext import losses, negatives, tasks, tuning
from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.features import Categorical
from tfrs_ext.models import TwoTower
from tfrs_ext.ops import objectives

FEATURES = [Categorical("user", (1, 2, 3))], [Categorical("item", (7, 8, 9))]
ROWS = {"user": tf.constant([1, 2, 3], tf.int64), "item": tf.constant([7, 8, 9], tf.int64)}


@keras.saving.register_keras_serializable(package="outside")
class Quarter(losses.RetrievalLoss):
    """A quarter of the pairwise loss, over the whole catalogue."""

    wants_whole_catalogue = True

    @property
    def objective(self):
        def quarter(logits, positive, count):
            terms = objectives.pairwise_logistic(logits, positive, count)
            return terms._replace(
                value=terms.value / 4, coefficient=terms.coefficient / 4, slope=terms.slope / 4
            )

        return quarter


@keras.saving.register_keras_serializable(package="outside")
class Bestsellers(negatives.Source):
    """The same two items for every batch."""

    def draw(self, batch):
        ids = tf.constant([7, 9], tf.int64)
        return negatives.Pool(batch.positives, Candidates(batch.embed({"item": ids}), ids))


def test_both_train_and_come_back_from_a_file(tmp_path):
    task = tasks.Retrieval(Quarter(), negatives=Bestsellers())
    model = TwoTower.from_features(*FEATURES, task, embedding_dim=4)
    model.compile("sgd")
    model.fit(tf.data.Dataset.from_tensors(ROWS), verbose=0)
    queries, items = model.query_model(ROWS).numpy(), model.candidate_model(ROWS).numpy()
    scores = queries @ items.T
    losses_of = np.log1p(np.exp(scores - np.diag(scores)[:, None]))
    expected = (losses_of[0, 2] + losses_of[1, [0, 2]].mean() + losses_of[2, 0]) / 4 / 3
    np.testing.assert_allclose(model.compute_loss(ROWS), expected, rtol=1e-5)
    again = tasks.Retrieval.from_config(json.loads(json.dumps(task.get_config())))
    assert isinstance(again._loss, Quarter)
    assert isinstance(again.negatives, Bestsellers)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.compute_loss(ROWS), expected, rtol=1e-5)


def test_a_search_takes_a_loss_that_says_what_it_needs(monkeypatch):
    module = "tfrs_ext.tuning.retrieval_hyper_model"
    monkeypatch.setattr(f"{module}.loss", lambda hp, **_: Quarter())
    catalogue = negatives.Catalogue({"item": [7, 8, 9]}, "item")
    hypermodel = tuning.RetrievalHyperModel(*FEATURES, catalogue=catalogue)
    model = hypermodel.build(tuning.fixed({"embedding_dim": 16}))
    assert isinstance(model.task.negatives, negatives.WholeCatalogue)
    assert np.isfinite(model.fit(tf.data.Dataset.from_tensors(ROWS), verbose=0).history["loss"][0])
