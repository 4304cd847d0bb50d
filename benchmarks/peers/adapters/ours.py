"""Models of this library: any of `models.RETRIEVERS` or `baselines.BASELINES`, as it usually is."""

import pathlib

import numpy as np
import pandas as pd
import tensorflow as tf
from exchange import Watch, ranked
from exports import Loaded, Trained, take_part

from tfrs_ext import baselines, data, indexes, negatives, serving, tuning
from tfrs_ext._keras import keras
from tfrs_ext.models import RETRIEVERS
from tfrs_ext.training import fit_resumable


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Trained:
    """Trains a retriever, or fits a baseline, of the name in the settings."""
    frames = data.load_frames(rows.drop(columns="order"))
    fit = fit_baseline if spec["model"] in baselines.BASELINES else train_retriever
    return fit(frames, spec, watch)


def read(known: pd.DataFrame, train: data.Frames) -> data.Frames:
    """Returns what is known by then of the items that training had, for all users."""
    known = known[known["item_id"].isin(train.items["item_id"])].drop(columns="order")
    users = pd.concat([train.users, known[["user_id"]]]).drop_duplicates()
    return data.load_frames(known, users=users, items=train.items)


def fit_baseline(train: data.Frames, spec: dict, watch: Watch) -> Trained:
    """Returns the answers of a baseline with its defaults."""
    name = spec["model"]
    has_seed = issubclass(baselines.BASELINES[name].model, (baselines.IALS,))
    model = baselines.make_baseline(
        name, len(train.items), **({"seed": spec["seed"]} if has_seed else {})
    )
    model.fit(data.item_histories(train), times=data.history_times(train))
    # Position -1 is the last id, -1.
    ids = np.append(train.items["item_id"].to_numpy(), -1)

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        frames = read(known, train)
        places = pd.Index(frames.users["user_id"]).get_indexer(users)
        users, places = users[places >= 0], places[places >= 0]
        histories = tf.gather(data.item_histories(frames), places)
        return ranked(users, ids[model.recommend(histories, k)[1]])

    def export(known: pd.DataFrame, folder: pathlib.Path) -> None:
        frames = read(known, train)
        users = serving.Users(
            {"user_id": frames.users["user_id"].to_numpy()}, seen=data.seen_items(frames)
        )
        serving.export_baseline(
            folder, model, serving.Items({"item_id": ids[:-1]}), users, k=spec["k"]
        )

    return Trained(recommend, export)


def train_retriever(train: data.Frames, spec: dict, watch: Watch) -> Trained:
    """Returns the answers of a retriever after its best epoch."""
    variant = RETRIEVERS[spec["model"]]
    reads_sequences = variant.model.reads_sequences
    length = spec["length"] if reads_sequences else 50
    features = data.fit_features(train, history_length=length)
    hypermodel = tuning.RetrievalHyperModel(
        features.query,
        features.candidate,
        data.item_counts(train),
        negatives.Catalogue(data.item_columns(train, features), "item_id"),
        spec["model"],
    )
    keras.utils.set_random_seed(spec["seed"])
    hp = tuning.fixed({**hypermodel.usual_values, "embedding_dim": spec["dim"]})
    model = hypermodel.build(hp)
    if reads_sequences:
        batches = data.sequence_dataset(train, features, spec["batch_size"], seed=spec["seed"])
    else:
        size = tuning.space.batch_size(hp)
        options = {"seed": spec["seed"], **model.training_options}
        batches = data.training_dataset(train, features, size, **options)
    items = data.candidates_dataset(train, features, 4096)
    ids = train.items["item_id"].to_numpy()

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        frames = read(known, train)
        index = indexes.Exact(model.query_model, k=k)
        index.index(model.candidate_model.predict(items, verbose=0), ids)
        states, seen = data.user_states(frames, features), data.seen_items(frames)
        rows = pd.Index(frames.users["user_id"]).get_indexer(users)
        users, rows = users[rows >= 0], rows[rows >= 0]
        found = []
        for part in np.array_split(rows, -(-len(rows) // 512)):
            queries = {name: tf.constant(column[part]) for name, column in states.items()}
            exclusions = tf.ragged.constant([seen[row] for row in part], tf.int64)
            found.append(index.query_with_exclusions(queries, exclusions)[1].numpy())
        return ranked(users, np.concatenate(found))

    def begin_epoch(epoch: int, logs: dict) -> None:
        if epoch:  # What was written after the last one is no part of this.
            watch.start()

    def end_epoch(epoch: int, logs: dict) -> None:
        watch(recommend)
        logs.update(watch.rows[-1])

    epochs = keras.callbacks.LambdaCallback(on_epoch_begin=begin_epoch, on_epoch_end=end_epoch)
    history = fit_resumable(
        model,
        batches,
        watch.folder / "training",
        monitor="ndcg_at_10",
        epochs=spec["max_epochs"],
        patience=spec["patience"],
        settings=spec,
        callbacks=[epochs],
    )
    names = ("seconds", "processor_seconds", "ndcg_at_10")
    rows = zip(*(history[name] for name in names), strict=True)
    watch.rows = [dict(zip(names, row, strict=True)) for row in rows]

    def export(known: pd.DataFrame, folder: pathlib.Path) -> None:
        frames = read(known, train)
        states, seen = data.user_states(frames, features), data.seen_items(frames)
        serving.export(
            folder,
            model.query_model,
            model.candidate_model.predict(items, verbose=0),
            serving.Items({"item_id": ids}),
            users=serving.Users(states, seen=seen),
            k=spec["k"],
            index="exact",
        )

    return Trained(recommend, export)


def load(folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a user's id."""
    version = serving.latest_version(folder)
    bundle = tf.saved_model.load(str(version))
    answer = bundle.signatures["serving_default"]

    def ask(user: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
        found = answer(user_id=user)
        return found["item_id"].numpy()[0], found["score"].numpy()[0]

    return Loaded(lambda known, users: tf.split(tf.constant(users), len(users)), ask)


take_part(train, load, "tensorflow", "numpy")
