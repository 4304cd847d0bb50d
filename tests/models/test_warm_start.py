import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import frequencies, losses, models, negatives, tasks
from tfrs_ext.features import Categorical, History, Numeric, Text, Trigrams

ROWS = {
    "user": tf.constant(["ann", "bob", "?"]),
    "clicks": tf.constant([[-1, 7, 8], [9, 9, 7], [-1, -1, -1]], tf.int64),
    "age": tf.constant([20.0, 50.0, 30.0]),
    "item": tf.constant([8, 7, 9], tf.int64),
    "title": tf.constant(["red hat", "blue hat", "a red thing"]),
}


def features(users, items, words):
    query = [Categorical("user", users), History("clicks", items, length=3), Numeric("age", 30.0)]
    return query, [Categorical("item", items), Text("title", words)]


SMALL = features(("ann", "bob"), (7, 8, 9), ("red", "blue", "hat"))
LARGE = features(("cat", "bob", "ann"), (5, 9, 8, 7, 6), ("hat", "red", "coat", "blue"))


def two_tower(parts, counts=None):
    task = None
    if counts is not None:
        source = negatives.InBatch(frequencies.CountedFrequency(*counts))
        task = tasks.Retrieval(loss=losses.CorrectedSampledSoftmax(), negatives=source)
    return models.TwoTower.from_features(*parts, task, embedding_dim=4)


def scramble(model):
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    return model


def test_pairs_that_both_know_score_the_same_wherever_their_ids_stand():
    trained, model = scramble(two_tower(SMALL)), two_tower(LARGE)
    carried = models.warm_start(model, trained)
    sides = {"query_model": {"user": 2, "clicks": 3}, "candidate_model": {"item": 3, "title": 3}}
    pairs = ((side, column) for side, columns in sides.items() for column in columns.items())
    assert carried.ids == {f"{side}/features/{name}": count for side, (name, count) in pairs}
    np.testing.assert_allclose(model(ROWS), trained(ROWS), rtol=1e-6)


def test_new_ids_keep_their_initial_rows():
    model = two_tower(LARGE)
    table = model.candidate_model.encoder.encoders[0].embedding.embeddings
    before = table.numpy()
    models.warm_start(model, scramble(two_tower(SMALL)))
    kept = np.all(table.numpy() == before, axis=1)
    assert kept.tolist() == [False, True, False, False, False, True]  # Unknown, 5, 9, 8, 7, 6.


def test_a_model_with_another_task_has_the_towers_of_the_trained_one():
    trained = scramble(two_tower(SMALL, ([7, 8, 9], [5, 3, 2])))
    item_id = SMALL[1][0].name
    shown = negatives.Explicit({"item": "shown", "title": "words"}, item_id, shared=False)
    for task in (tasks.Retrieval(losses.SampledSoftmax(), negatives=shown), tasks.Retrieval()):
        model = models.TwoTower.from_features(*SMALL, task, embedding_dim=4)
        models.warm_start(model, trained)
        np.testing.assert_allclose(model(ROWS), trained(ROWS), rtol=1e-6)


def test_counts_of_the_new_data_stay_and_training_goes_on():
    trained = scramble(two_tower(SMALL, ([7, 8, 9], [5, 3, 2])))
    trained.compile("sgd", run_eagerly=True)
    data = tf.data.Dataset.from_tensors(ROWS)
    trained.fit(data, verbose=0)
    model = two_tower(LARGE, ([5, 9, 8, 7, 6], [1, 1, 1, 1, 6]))
    models.warm_start(model, trained)
    frequency = model.task.negatives.frequency
    np.testing.assert_allclose(tf.exp(frequency(tf.constant([6], tf.int64))), [0.6], 1e-5)
    np.testing.assert_allclose(model(ROWS), trained(ROWS), rtol=1e-6)
    model.compile("sgd", run_eagerly=True)
    assert np.isfinite(model.fit(data, verbose=0).history["loss"][0])


def test_ranking_models_go_on_too():
    def din(parts):
        return models.DIN([*parts[0], *parts[1]], "item", embedding_dim=4, hidden_units=(8,))

    trained, model = scramble(din(SMALL)), din(LARGE)
    models.warm_start(model, trained)
    np.testing.assert_allclose(model(ROWS), trained(ROWS), rtol=1e-5)


TEXTS = ("#re", "red", "ed#"), ("#bl", "ed#", "red", "#re")


@pytest.mark.parametrize("shared", [None, False, True])
def test_letter_trigrams_are_found_wherever_they_stand(shared):
    def build(trigrams):
        user, item = Trigrams("user", trigrams), Trigrams("title", trigrams)
        if shared is None:
            return models.TwoTower.from_features([user], [item], embedding_dim=4)
        return models.DSSM.from_features([user], [item], hidden_units=(4, 3), shared=shared)

    rows = {"user": tf.constant(["red", "?"]), "title": tf.constant(["a red", "ed"])}
    trained, model = scramble(build(TEXTS[0])), build(TEXTS[1])
    report = models.warm_start(model, trained)
    assert set(report.ids.values()) == {3}
    assert report.new == report.left == ()
    np.testing.assert_allclose(model(rows), trained(rows), rtol=1e-5)


def test_other_architectures_are_refused():
    query, candidate = SMALL
    deep = models.TwoTower.from_features(*SMALL, embedding_dim=4, hidden_units=(8, 8))
    with pytest.raises(ValueError, match="same features and settings"):
        models.warm_start(two_tower(LARGE), deep)
    wide = models.TwoTower.from_features(query, candidate, embedding_dim=8)
    with pytest.raises(ValueError, match="/user' in 4 numbers as `trained` does, received 8"):
        models.warm_start(wide, two_tower(SMALL))


def test_columns_are_found_by_name_in_any_order_beside_new_and_old_ones():
    users, items = SMALL
    trained = scramble(two_tower(SMALL))
    color = Categorical("color", ("red", "green"))
    model = two_tower(([users[2], users[1], users[0]], [items[0], color, items[1]]))
    report = models.warm_start(model, trained)
    rows = {**ROWS, "color": tf.constant(["red", "green", "?"])}
    np.testing.assert_allclose(model(rows), trained(ROWS), rtol=1e-5)
    assert report.new == ("candidate_model/features/color/embedding/embeddings",)
    assert report == models.WarmStart(report.ids, report.copied, report.new, left=())
    assert "candidate_model/projection/kernel" in report.copied
    shorter = two_tower((users[:2], items))
    report = models.warm_start(shorter, trained)
    assert report.left == ("query_model/features/age",)
    encoder = trained.query_model.encoder.encoders[2]
    without = {**ROWS, "age": tf.fill([3], encoder.feature.mean)}
    np.testing.assert_allclose(shorter(ROWS), trained(without), rtol=1e-5)


def test_a_renamed_column_is_reported_and_not_mixed_up():
    users, items = SMALL
    renamed = [Categorical("person", users[0].vocabulary), *users[1:]]
    report = models.warm_start(two_tower((renamed, items)), two_tower(SMALL))
    assert "query_model/features/user" in report.left
    assert "query_model/features/person/embedding/embeddings" in report.new


def test_ranking_models_read_the_same_columns_in_the_same_order():
    query, candidate = SMALL

    def dcn(features):
        return models.DCN(features, embedding_dim=4, hidden_units=(8,))

    with pytest.raises(
        ValueError, match=r"in the same order in 'features', received \['item', 'us"
    ):
        models.warm_start(dcn([candidate[0], query[0]]), dcn([query[0], candidate[0]]))


def test_other_id_types_are_named():
    other = features((1, 2), (7, 8, 9), ("red", "blue", "hat"))
    with pytest.raises(ValueError, match=r"type of `trained` in '.*/user', received 1 for 'ann'"):
        models.warm_start(two_tower(other), two_tower(SMALL))


def test_other_widths_are_refused():
    wide, narrow = (
        models.TwoTower.from_features(*SMALL, embedding_dim=4, hidden_units=(units,))
        for units in (8, 16)
    )
    with pytest.raises(
        ValueError, match="must have the widths of `trained`, received a kernel of shape"
    ):
        models.warm_start(wide, narrow)
