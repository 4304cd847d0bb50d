"""The sequence tower: what it sees, how it is trained, saved and served."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_ext import data, losses, negatives, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, History, HistoryTimes, Numeric
from tfrs_ext.frequencies import CountedFrequency
from tfrs_ext.models import EmbeddingTower, GRUTower, SequenceTower, Tower, TwoTower

ITEMS = tuple(range(10, 30))
HISTORY = History("history", vocabulary=ITEMS, length=6)
KINDS = {"transformer": SequenceTower, "gru": GRUTower}


def tower_of(kind="transformer", features=(HISTORY,), **arguments):
    keras.utils.set_random_seed(3)
    if kind == "transformer":
        arguments = {"num_blocks": 1, **arguments}
    return KINDS[kind](features, embedding_dim=8, **arguments)


def packed(*histories):
    return {"history": tf.ragged.constant(histories, tf.int64, row_splits_dtype=tf.int64)}


def padded(*histories):
    rows = [[-1] * (6 - len(items)) + list(items) for items in histories]
    return {"history": tf.constant(rows, tf.int64)}


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_position_is_the_query_of_the_history_up_to_it(kind):
    tower = tower_of(kind)
    items = [11, 29, 13, 17, 12]
    queries = tower.embed_positions(packed([21, 22], items, [15]))
    for place in range(len(items)):
        alone = tower(padded(items[: place + 1]))
        np.testing.assert_allclose(queries[2 + place], alone[0], atol=1e-5)


@pytest.mark.parametrize("kind", list(KINDS))
def test_neither_the_future_nor_a_neighbour_changes_a_query(kind):
    tower = tower_of(kind)
    before = tower.embed_positions(packed([11, 12, 13, 14], [15, 16]))
    after = tower.embed_positions(packed([11, 12, 28, 14], [15, 16])).numpy()
    same = np.all(np.isclose(before, after, atol=1e-6), axis=1)
    assert same.tolist() == [True, True, False, False, True, True]


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_order_of_the_history_counts(kind):
    forward, backward = tower_of(kind)(padded([11, 12, 13], [13, 12, 11]))
    assert np.any(np.abs(forward - backward) > 1e-3)


@pytest.mark.parametrize("form", ["ragged", "sparse", "wider", "narrower"])
def test_every_form_of_a_history_gives_the_same_query(form):
    tower = tower_of()
    histories = [[11, 12, 13], [], [14]]
    expected = tower(padded(*histories))
    ragged = packed(*histories)["history"]
    given = {
        "ragged": ragged,
        "sparse": ragged.to_sparse(),
        "wider": tf.pad(padded(*histories)["history"], [[0, 0], [3, 0]], constant_values=-1),
        "narrower": padded(*histories)["history"][:, 3:],
    }
    np.testing.assert_allclose(tower({"history": given[form]}), expected, atol=1e-6)


TIMED = (HISTORY, HistoryTimes("history_time", length=6))


def timed(rows, times):
    columns = packed(*rows)
    ragged = tf.ragged.constant(times, tf.int64, row_splits_dtype=tf.int64)
    return {**columns, "history_time": ragged}


def timed_tower():
    tower = tower_of(features=TIMED)
    (bias,) = [w for w in tower.trainable_weights if "time_bias" in w.name]
    bias.assign(np.random.default_rng(0).normal(size=bias.shape))
    return tower


def test_how_long_ago_an_item_was_taken_counts_and_when_later_ones_were_does_not():
    tower = timed_tower()
    rows = [[11, 12, 13, 14], [15, 16]]
    before = tower.embed_positions(timed(rows, [[0, 60, 120, 180], [5, 9]]))
    after = tower.embed_positions(timed(rows, [[0, 60, 90_000, 90_060], [1005, 1009]])).numpy()
    same = np.all(np.isclose(before, after, atol=1e-6), axis=1)
    assert same.tolist() == [True, True, False, False, True, True]
    padded_rows = {**padded([11, 12, 13, 14]), "history_time": [[0, 0, 0, 60, 120, 180]]}
    np.testing.assert_allclose(tower(padded_rows)[0], before[3], atol=1e-5)


def test_a_tower_with_times_comes_back_from_a_file(tmp_path):
    tower = timed_tower()
    tower.save(tmp_path / "tower.keras")
    loaded = keras.models.load_model(tmp_path / "tower.keras")
    columns = {**padded([11, 12, 13]), "history_time": tf.constant([[0, 0, 0, 5, 60, 7000]])}
    np.testing.assert_allclose(loaded(columns), tower(columns), atol=1e-6)


def test_times_that_do_not_fit_the_history_are_refused():
    tower = timed_tower()
    with pytest.raises(ValueError, match=r"'history_time'.* must be ragged"):
        tower.embed_positions({**packed([11, 12]), "history_time": tf.constant([[1, 2]])})
    with pytest.raises(tf.errors.InvalidArgumentError, match="a time for each item"):
        tower.embed_positions(timed([[11, 12]], [[1]]))
    with pytest.raises(ValueError, match="SequenceTower"):
        tower_of("gru", TIMED)


def test_an_empty_history_is_zeros_and_unknown_items_share_a_vector():
    tower = tower_of()
    empty, one, other = tower(padded([], [998], [999]))
    np.testing.assert_array_equal(empty, np.zeros(8))
    np.testing.assert_array_equal(one, other)
    assert np.any(one != 0)


def test_a_token_is_the_item_times_the_root_of_the_width_and_its_place():
    tower = tower_of(num_blocks=0)
    item = tower.item_model({"item_id": tf.constant([12], tf.int64)}).numpy()
    place = tower.places.embeddings.numpy()[1]
    np.testing.assert_allclose(tower(padded([11, 12])), np.sqrt(8.0) * item + place, atol=1e-6)


def test_only_the_latest_items_count():
    tower = tower_of()
    long = tf.constant([list(range(10, 20))], tf.int64)
    np.testing.assert_allclose(tower({"history": long}), tower(padded(range(14, 20))), atol=1e-6)


def test_other_columns_reach_every_position():
    tower = tower_of(features=(HISTORY, Numeric("age", mean=30.0, std=10.0)), hidden_units=(5,))
    columns = {**packed([11, 12], [11]), "age": tf.constant([20.0, 40.0])}
    queries = tower.embed_positions(columns)
    older = tower.embed_positions({**columns, "age": tf.constant([50.0, 40.0])})
    changed = np.any(queries.numpy() != older.numpy(), axis=1)
    assert changed.tolist() == [True, True, False]
    alone = tower({**padded([11, 12]), "age": tf.constant([20.0])})
    np.testing.assert_allclose(queries[1], alone[0], atol=1e-5)


def next_item_rows(count=60, seed=0):
    """Users who always take the item after the last."""
    starts = np.random.default_rng(seed).integers(0, 20, count)
    return [(user, 10 + (start + n) % 20, n) for user, start in enumerate(starts) for n in range(6)]


def frames_of(rows):
    return data.load_frames(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]))


EVENLY = CountedFrequency(list(ITEMS), [1] * len(ITEMS))
LOSSES = {
    "full softmax": (losses.FullSoftmax(), lambda ids: negatives.WholeCatalogue(ids)),
    "corrected logQ": (
        losses.CorrectedSampledSoftmax(),
        lambda ids: negatives.Mixed([negatives.InBatch(EVENLY), negatives.Uniform(ids, 8, seed=1)]),
    ),
    "logQ": (losses.SampledSoftmax("logq"), lambda ids: negatives.Uniform(ids, 8, seed=1)),
    "gBCE": (losses.GBCE(20), lambda ids: negatives.Uniform(ids, 8, seed=1)),
    "BCE, negatives of each position's own": (
        losses.SampledBinaryCrossEntropy(),
        lambda ids: negatives.PerQuery(4, negatives.Uniform(ids, 16, seed=1), seed=1),
    ),
}


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        *((loss, "transformer") for loss in LOSSES),
        pytest.param("full softmax", "gru", marks=pytest.mark.slow),
    ],
)
def test_learns_what_comes_next_with_every_loss(loss, kind):
    frames = frames_of(next_item_rows())
    features = data.fit_features(frames, history_length=6)
    items = EmbeddingTower(features.candidate[0], 8)
    criterion, source = LOSSES[loss]
    catalogue = negatives.Catalogue({"item_id": list(ITEMS)}, item_id="item_id")
    tower = tower_of(kind, (features.history,), item_model=items, dropout=0.0)
    model = TwoTower(
        tower, task=tasks.Retrieval(criterion, negatives=source(catalogue)), item_id="item_id"
    )
    # Graphs take long to build: one loss is enough to see that they work.
    model.compile(keras.optimizers.Adam(0.05), run_eagerly=loss != "full softmax")
    dataset = data.sequence_dataset(frames, features, 20, seed=1)
    history = model.fit(dataset, epochs=1 if loss != "full softmax" else 15, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    if loss == "full softmax":
        queries = model.query_model(padded([12, 13, 14]))
        scores = queries @ tf.transpose(items({"item_id": tf.constant(ITEMS, tf.int64)}))
        assert ITEMS[int(tf.argmax(scores[0]))] == 15


def small_model(tied=True, kind="transformer"):
    keras.utils.set_random_seed(2)
    item_id = Categorical("item_id", vocabulary=ITEMS)
    if tied:
        tower = tower_of(kind, item_model=EmbeddingTower(item_id, 8, name="items"))
        model = TwoTower(tower, item_id="item_id")
    else:
        items = Tower([item_id], embedding_dim=8, normalize=False)
        model = TwoTower(tower_of(kind), items, item_id="item_id")
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    return model


BATCH = {
    "history": tf.ragged.constant([[11, 12, 13], [14]], tf.int64, row_splits_dtype=tf.int64),
    "item_id": tf.ragged.constant([[12, 13, 14], [15]], tf.int64, row_splits_dtype=tf.int64),
}


def test_a_weight_of_zero_is_a_place_that_isnt_asked():
    model = small_model()
    weights = tf.ragged.constant([[0.0, 0.0, 2.0], [2.0]], row_splits_dtype=tf.int64)
    task = tasks.Retrieval(
        losses.FullSoftmax(reduction="none"),
        negatives=negatives.WholeCatalogue(
            negatives.Catalogue({"item_id": ITEMS}, item_id="item_id")
        ),
    )
    model.task = task
    rows = model.compute_loss({**BATCH, "sample_weight": weights})
    plain = model.compute_loss(BATCH)
    np.testing.assert_allclose(rows, plain * [0.0, 0.0, 2.0, 2.0], rtol=1e-5)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("tied", [True, False])
def test_comes_back_from_a_file_with_its_items_shared(tied, kind, tmp_path):
    model = small_model(tied, kind)
    model.train_on_batch(BATCH)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    is_shared = again.candidate_model is again.query_model.item_model
    assert is_shared == tied
    asked = padded([11, 12], [19])
    np.testing.assert_array_equal(again.query_model(asked), model.query_model(asked))
    items = {"item_id": tf.constant([12, 13], tf.int64)}
    np.testing.assert_array_equal(again.candidate_model(items), model.candidate_model(items))
    assert len(again.trainable_variables) == len(model.trainable_variables)


def test_saved_model_answers_histories(tmp_path):
    tower = tower_of()
    tf.saved_model.save(tower, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    asked = padded([11, 12], [])
    np.testing.assert_allclose(loaded(asked), tower(asked), atol=1e-6)


def test_new_items_work_where_items_have_features():
    columns = {"item_id": list(ITEMS), "shelf": [item % 5 for item in ITEMS]}
    catalogue = negatives.Catalogue(columns, item_id="item_id")
    shelf = Categorical("shelf", vocabulary=tuple(range(5)))
    items = Tower([Categorical("item_id", vocabulary=ITEMS[:10]), shelf], 8, normalize=False)
    tower = tower_of(item_model=items, catalogue=catalogue)
    # 22 and 27 are unknown to the table of ids, and of one shelf; 23 is of another.
    one, other, third = tower(padded([22], [27], [23]))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.any(np.abs(one - third) > 1e-3)
    # An item that the catalogue lacks has no vector, and can't be told from another one.
    np.testing.assert_array_equal(tower.items(tf.constant([999], tf.int64)), np.zeros([1, 8]))
    again = SequenceTower.from_config(tower.get_config())
    assert again.get_config() == tower.get_config()


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_trains_in_mixed_precision(policy):
    keras.mixed_precision.set_global_policy(policy)
    try:
        model = small_model()
        assert model.query_model(padded([11])).dtype == tf.float32
        assert np.isfinite(model.train_on_batch(BATCH, return_dict=True)["loss"])
    finally:
        keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SequenceTower([Numeric("age")]), r"`features` must hold one `features.History`"),
        (lambda: tower_of(item_model=Tower([HISTORY, Numeric("age")], 8)), "`catalogue` must be"),
        (lambda: tower_of(item_model=EmbeddingTower(Categorical("i", ITEMS), 5)), "width"),
        (lambda: tower_of(dropout=1.0), "and `dropout` at least 0 and below 1"),
        (lambda: tower_of().embed_positions(padded([11])), "must be ragged"),
        (lambda: TwoTower(Tower([HISTORY], 8), item_id="item_id"), "`candidate_model` must be giv"),
        (
            lambda: TwoTower(
                Tower([HISTORY], 8), Tower([Categorical("item_id", ITEMS)], 8), item_id="item_id"
            ).compute_loss(BATCH),
            "need a `query_model` with `embed_positions`",
        ),
    ],
)
def test_rejects_what_does_not_fit(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_history_that_is_too_long_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 6 items"):
        tower_of().embed_positions(packed(list(range(10, 17))))
