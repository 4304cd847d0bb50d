"""Models of this library: any of `models.RETRIEVERS` or `baselines.BASELINES`, as it usually is."""

import numpy as np
import pandas as pd
import tensorflow as tf
from exchange import Recommend, Watch, answer, ranked

from tfrs_ext import baselines, data, indexes, negatives, tuning
from tfrs_ext._keras import keras
from tfrs_ext.models import RETRIEVERS
from tfrs_ext.training import fit_resumable


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Trains a retriever, or fits a baseline, of the name in the settings."""
    frames = data.load_frames(rows.drop(columns="order"))
    fit = fit_baseline if spec["model"] in baselines.BASELINES else train_retriever
    return fit(frames, spec, watch)


def read(known: pd.DataFrame, train: data.Frames) -> data.Frames:
    """Returns what is known by then of the items that training had, for all users."""
    known = known[known["item_id"].isin(train.items["item_id"])].drop(columns="order")
    users = pd.concat([train.users, known[["user_id"]]]).drop_duplicates()
    return data.load_frames(known, users=users, items=train.items)


def fit_baseline(train: data.Frames, spec: dict, watch: Watch) -> Recommend:
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

    return recommend


def train_retriever(train: data.Frames, spec: dict, watch: Watch) -> Recommend:
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
    return recommend


answer(train, "tensorflow", "numpy")
