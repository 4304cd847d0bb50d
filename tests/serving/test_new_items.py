"""Items and users that training never saw, served by towers of ids and by towers of features."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import data, models, serving

pytestmark = pytest.mark.slow  # Each export is verified in fresh processes.


@pytest.fixture(scope="module")
def problem():
    frames, _ = data.synthetic(num_users=40, num_items=40, interactions_per_user=8)
    rows = frames.interactions
    is_new = frames.items["item_id"].isin(frames.items["item_id"].to_numpy()[-6:]).to_numpy()
    new_users = frames.users["user_id"].to_numpy()[-4:]
    kept = ~is_new[frames.item_rows()] & ~rows["user_id"].isin(new_users).to_numpy()
    train = frames.select(np.flatnonzero(kept))
    return frames, data.fit_features(train, history_length=4), is_new, new_users


def serve(name, problem, folder):
    frames, features, _, _ = problem
    tf.keras.utils.set_random_seed(3)
    model = models.RETRIEVERS[name].build(features.query, features.candidate, embedding_dim=8)
    states, items = data.user_states(frames, features), data.item_columns(frames, features)
    embeddings = model.candidate_model.predict(items, verbose=0)
    version = serving.export(
        folder,
        model.query_model,
        embeddings,
        serving.Items({"item_id": items["item_id"]}, item_id="item_id"),
        users=serving.Users(states, user_id="user_id"),
        k=40,
    )
    return model, states, items, version


def ask(version, user_id):
    signature = tf.saved_model.load(str(version)).signatures["serving_default"]
    answer = signature(user_id=tf.constant([user_id], tf.int64))
    return {name: values.numpy() for name, values in answer.items()}


def scores_by_item(answer):
    return dict(zip(answer["item_id"][0].tolist(), answer["score"][0].tolist(), strict=True))


@pytest.mark.parametrize("name", ["mf", "two_tower"])
def test_new_items_and_users_are_served_as_the_model_knows_them(name, problem, tmp_path):
    _, features, is_new, new_users = problem
    model, states, items, version = serve(name, problem, tmp_path / name)
    user = int(new_users[0])
    row = states["user_id"].tolist().index(user)
    query = model.query_model({n: tf.constant(c[row : row + 1]) for n, c in states.items()})
    expected = dict(
        zip(
            items["item_id"].tolist(),
            (query.numpy() @ model.candidate_model.predict(items, verbose=0).T)[0],
            strict=True,
        )
    )
    new, old = ask(version, user), set(items["item_id"][~is_new])
    found = scores_by_item(new)
    assert found == pytest.approx(expected, abs=1e-5)

    # A table of ids gives all new items one score; features tell them apart.
    of_new = np.array([score for item, score in found.items() if item not in old])
    assert len(of_new) == is_new.sum()
    assert (np.ptp(of_new) < 1e-6) == (name == "mf")

    # Who isn't in the table of users either is answered by what is unknown of them.
    stranger = scores_by_item(ask(version, 10**9))
    nobody = {f.name: tf.constant(np.asarray(f.unknown)[np.newaxis]) for f in features.query}
    scores = model.query_model(nobody).numpy() @ model.candidate_model.predict(items, verbose=0).T
    assert stranger == pytest.approx(
        dict(zip(items["item_id"].tolist(), scores[0], strict=True)), abs=1e-5
    )
    # To a table of ids, strangers and new users are one; features tell new users apart.
    assert (stranger == pytest.approx(found, abs=1e-6)) == (name == "mf")
