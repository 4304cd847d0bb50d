"""Every ranking model, saved by plain TensorFlow, scores a list of items for one user."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models.test_multi_task import make as make_multi_task
from tests.models.test_ranking_models import MODELS, columns
from tests.models.test_youtube_ranker import make as make_youtube
from tests.sweeps import mostly_slow
from tfrs_ext.features import example_inputs

OF_ITEMS = {"item", "title", "video"}
RANKERS = {
    **{name: (make, lambda outputs: outputs) for name, make in MODELS.items()},
    "YouTube": (make_youtube, lambda outputs: outputs),
    "multi-task": (make_multi_task, lambda outputs: outputs["rating"]),
}


def features_of(model):
    if hasattr(model, "features"):
        return model.features
    return [*model.query_model.features, *model.candidate_model.features]


def ranking_module(model, score):
    """The user's columns `[1, ...]` and the items' `[M]` to `[M]` scores."""
    specs = {
        name: tf.TensorSpec([None if name in OF_ITEMS else 1, *value.shape[1:]], value.dtype)
        for name, value in example_inputs(features_of(model)).items()
    }

    @tf.function(input_signature=[specs])
    def rank(inputs):
        rows = tf.reduce_max([tf.shape(value)[0] for value in inputs.values()])
        batch = {
            name: value if name in OF_ITEMS else tf.repeat(value, rows, axis=0)
            for name, value in inputs.items()
        }
        return score(model(batch, training=False))[:, 0]

    module = tf.Module()
    module.model, module.rank = model, rank
    return module


QUICK = ["DCN-V2", "NeuMF", "DIN", "YouTube"]


@pytest.mark.parametrize("name", mostly_slow(RANKERS, QUICK))
def test_scores_a_list_of_items_for_one_user(name, tmp_path):
    make, score = RANKERS[name]
    model = make()
    rows = {**columns(5), "video": np.array([0, 1, 2, 3, 9])}
    inputs = {
        feature.name: tf.constant(rows[feature.name][: 5 if feature.name in OF_ITEMS else 1])
        for feature in features_of(model)
    }
    tf.saved_model.save(ranking_module(model, score), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    whole = {
        key: value if key in OF_ITEMS else tf.repeat(value, 5, axis=0)
        for key, value in inputs.items()
    }
    np.testing.assert_allclose(loaded.rank(inputs), score(model(whole))[:, 0], rtol=1e-5)
