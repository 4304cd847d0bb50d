"""What a newcomer gets wrong is answered in one line that names it, and never by Keras's words."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext import evaluation, indexes, layers, losses, metrics, models, serving, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, FeatureEncoder, History, Numeric

USER, ITEM = Categorical("user", ("a", "b")), Categorical("item", (1, 2))
ROWS = {"user": np.array(["a", "b"]), "age": np.float32([1, 2]), "item": np.array([1, 2])}
EYE, ONES = np.eye(3, dtype=np.float32), tf.ones([2, 4])
ITEMS = serving.Items({"item_id": [1, 2, 3]})


@pytest.fixture(scope="module")
def retriever():
    return models.TwoTower.from_features([USER], [ITEM], embedding_dim=4, hidden_units=())


@pytest.fixture(scope="module")
def ranker():
    model = models.DCN([USER, ITEM], 4, 1, (4,))
    model.compile("sgd", "binary_crossentropy")
    return model


ARGUMENTS = [
    # Column kinds.
    (lambda: Categorical("x", "abc"), r"`vocabulary` of the feature 'x' .* received 'abc'"),
    (lambda: Categorical("x", None), "`vocabulary` of the feature 'x' .* received None"),
    (lambda: History("x", 5), "`vocabulary` of the feature 'x' .* received 5"),
    (lambda: History("x", (1,), 2.5), r"`length` must be a whole number .* length=2\.5"),
    (lambda: History("x", (1,), "2"), "`length` must be a whole number .* length='2'"),
    (lambda: Numeric("x", "a"), "finite `mean` .* received mean='a'"),
    (lambda: FeatureEncoder(["user"]), r"`features` must hold .*Categorical\(.* received 'user'"),
    # The task.
    (lambda: tasks.Retrieval(temperature="hot"), "`temperature` must be .* received 'hot'"),
    (lambda: tasks.Retrieval("softmax"), r"`loss` .*losses\.SampledSoftmax.* received 'softmax'"),
    (lambda: tasks.Retrieval(metrics="recall"), "`metrics` must be .* received 'recall'"),
    (lambda: tasks.Retrieval(negatives="uniform"), "`negatives` must be .* received 'uniform'"),
    (lambda: tasks.Retrieval(num_hard_negatives=0), "`num_hard_negatives` must be at least 1"),
    (lambda: layers.Temperature("x"), "`initial` must be > 0|`temperature` must be > 0"),
    # Metrics and evaluation.
    (lambda: metrics.FactorizedTopK(EYE), r"`candidates` must be .*Dataset.* received ndarray"),
    (lambda: metrics.FactorizedTopK(ks=10), "`ks` must be a sequence .* received ks=10"),
    (
        lambda: evaluation.evaluate_retrieval([["a"]], EYE, [[0]]),
        "`query_embeddings` must be .* of numbers, received dtype=string",
    ),
    # Indexes.
    (
        lambda: indexes.Exact().index_from_dataset([{"a": [1.0]}]),
        r"`candidates` must be batches of embeddings \[B, D\], received dict",
    ),
    (
        lambda: indexes.Exact().index_from_dataset([EYE[0]]),
        r"`candidates` must hold batches \[B, 3\], received shape=\(3,\)",
    ),
]


@pytest.mark.parametrize(("make", "message"), ARGUMENTS)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message) as refused:
        make()
    assert "\n" not in str(refused.value)


COLUMNS = [
    ({}, "`x` must hold columns, received none"),
    (None, "`x` must be a mapping of columns, a frame or a dataset, received None"),
    ({**ROWS, "item": np.arange(3)}, r"`x\['item'\]` must have as many rows as .*, 2, received 3"),
]


@pytest.mark.parametrize(("rows", "message"), COLUMNS)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "train_on_batch"])
def test_columns_that_make_no_batch_are_named(retriever, rows, message, method):
    with pytest.raises(ValueError, match=message) as refused:
        getattr(retriever, method)(rows)
    assert "\n" not in str(refused.value)


def test_labels_and_weights_of_other_rows_are_named(ranker):
    for data, name in (
        ((ROWS, np.ones(3)), "y"),
        ((ROWS, np.ones(2), np.ones(1)), "sample_weight"),
    ):
        options = dict(zip(("x", "y", "sample_weight"), data, strict=False))
        with pytest.raises(
            ValueError, match=rf"`{name}` must have as many rows as .*, 2, received"
        ):
            ranker.fit(**options)


def test_a_dataset_without_batches_is_told_to_batch(ranker):
    with pytest.raises(ValueError, match=r"must have shape \[B\], received \(\)\. .*\.batch\(…\)"):
        ranker({name: tf.constant(values[0]) for name, values in ROWS.items()})


TASK = [
    ({"candidate_embeddings": tf.ones([2, 3])}, "`candidate_embeddings` must be as wide as"),
    ({"candidate_ids": [1, 2, 3]}, "`candidate_ids` must hold an id for each row of"),
    ({"candidate_sampling_probability": [0.5]}, "`candidate_sampling_probability` must hold a"),
    ({"sample_weight": [1.0, 1.0, 1.0]}, "`sample_weight` must be of size 2"),
]


@pytest.mark.parametrize(("arguments", "message"), TASK)
@pytest.mark.parametrize("loss", [None, losses.InfoNCE()])
def test_what_a_task_is_called_with_is_named_as_it_was_given(arguments, message, loss):
    given = {"query_embeddings": ONES, "candidate_embeddings": ONES, **arguments}
    with pytest.raises(ValueError, match=message):
        tasks.Retrieval(loss).call(**given)


WHOLE = [
    (lambda: tasks.Retrieval()(ONES, tf.ones([2, 3])), "`candidate_embeddings` must be as wide as"),
    (
        lambda: tasks.Retrieval()(ONES, ONES, candidate_sampling_probability=[0.0, 0.5]),
        "`candidate_sampling_probability` must be above 0",
    ),
    (lambda: indexes.Exact(k=1)(ONES), "`index` must be called before"),
    (
        # Within a layer of Keras, which adds no lines either.
        lambda: keras.Sequential([FeatureEncoder([USER])])({"age": np.array([1.0])}),
        r"`inputs` must hold the columns \['user'\]",
    ),
]


@pytest.mark.parametrize(("call", "message"), WHOLE)
def test_the_message_of_a_layer_that_is_called_comes_first_and_alone(call, message):
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=f"^{message}") as error:
        call()
    assert "\n" not in str(error.value)


class _TutorialModel(tfrs.Model):
    """What a user of TFRS writes, with our task and no ids."""

    def __init__(self):
        super().__init__()
        self.tower = keras.layers.Embedding(9, 4)
        self.task = tasks.Retrieval(remove_accidental_hits=True)

    def compute_loss(self, inputs, training=False):
        return self.task(self.tower(inputs["user"]), self.tower(inputs["item"]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_TutorialModel, "`candidate_ids` must be given where"),
        (
            lambda: models.TwoTower.from_features([USER], [ITEM], 4, hidden_units=()),
            r"`inputs` must hold the columns \['user'\]",
        ),
    ],
)
def test_within_fit_the_message_comes_first_and_alone_too(make, message):
    model = make()
    model.compile("sgd")
    rows = {"item": np.array([1, 2])}
    if make is _TutorialModel:
        rows["user"] = np.array([1, 2])
    with pytest.raises(ValueError, match=f"^{message}") as error:
        model.fit(tf.data.Dataset.from_tensors(rows), verbose=0)
    assert "\n" not in str(error.value)


def test_a_metric_in_compile_is_refused_in_one_line():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[metrics.GAUC()])
    with pytest.raises(ValueError, match=r"^`user_ids` must say whose row each one is") as error:
        model.fit(np.ones([2, 2]), np.ones([2, 1]), verbose=0)
    assert "\n" not in str(error.value)


def test_errors_of_keras_and_of_users_layers_have_their_lines():
    class Mine(keras.layers.Layer):
        def call(self, inputs):
            raise ValueError("no")

    with pytest.raises(ValueError, match="Exception encountered when calling layer 'mine'"):
        Mine()(ONES)


@pytest.mark.parametrize("name", ["labels", "predictions"])
def test_words_are_no_numbers_to_rank_by(name):
    given = {"labels": tf.ones([1]), "predictions": tf.ones([1]), name: tf.constant(["good"])}
    with pytest.raises(ValueError, match=f"`{name}` must be numbers, received strings"):
        tasks.Ranking(keras.losses.MeanSquaredError())(**given)


def test_rankers_are_models_by_name(retriever):
    for wrong in ([keras.layers.Dense(1)], {"label": "dense"}):
        with pytest.raises(ValueError, match="`rankers` must map the name of each label to a"):
            models.MultiTask(retriever, wrong)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"items": ["a"]}, r"`items` must be `serving\.Items\(.* received list"),
        ({"users": {"user": ["a"]}}, r"`users` `serving\.Users\(.* received Items and dict"),
    ],
)
def test_tables_of_an_export_are_values(tmp_path, retriever, arguments, message):
    given = {"items": ITEMS, "users": serving.Users({"user_id": ["a"]}), **arguments}
    with pytest.raises(ValueError, match=message):
        serving.export(tmp_path, retriever.query_model, EYE, **given)
    assert not list(tmp_path.iterdir())
