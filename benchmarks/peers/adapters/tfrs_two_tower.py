"""Two towers of plain TFRS, with the sizes of batch and rate of its tutorial on basic retrieval."""

import pathlib

import numpy as np
import pandas as pd
import tensorflow as tf
import tensorflow_recommenders as tfrs
from exchange import Watch, ranked
from exports import Loaded, Trained, take_part

keras = tf.keras


class Towers(tfrs.Model):
    """A table of users, a table of items, and the task without metrics."""

    def __init__(self, users: list[str], items: list[str], dim: int) -> None:
        super().__init__()
        self.user_model, self.item_model = (
            keras.Sequential(
                [
                    keras.layers.StringLookup(vocabulary=ids, mask_token=None),
                    keras.layers.Embedding(len(ids) + 1, dim),
                ]
            )
            for ids in (users, items)
        )
        self.task = tfrs.tasks.Retrieval()

    def compute_loss(self, features: dict, training: bool = False) -> tf.Tensor:
        """Returns the loss of a batch."""
        return self.task(
            self.user_model(features["user_id"]),
            self.item_model(features["item_id"]),
            compute_metrics=not training,
        )


def names_of(rows: pd.DataFrame, users: np.ndarray) -> list[list[str]]:
    """Returns what each user had, by name."""
    had = rows["item_id"].astype(str).groupby(rows["user_id"]).agg(list)
    return had.reindex(users).tolist()


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Trained:
    """Returns the answers after the best epoch."""
    keras.utils.set_random_seed(spec["seed"])
    columns = {name: rows[name].astype(str).to_numpy() for name in ("user_id", "item_id")}
    users, items = (np.unique(columns[name]) for name in ("user_id", "item_id"))
    model = Towers(users.tolist(), items.tolist(), spec["dim"])
    model.compile(optimizer=keras.optimizers.Adagrad(learning_rate=0.1))
    # The tutorial shuffles once, and caches the batches.
    batches = tf.data.Dataset.from_tensor_slices(columns)
    batches = batches.shuffle(100_000, seed=spec["seed"], reshuffle_each_iteration=False)
    batches = batches.batch(8192).cache()

    def make_index(k: int) -> tfrs.layers.factorized_top_k.BruteForce:
        index = tfrs.layers.factorized_top_k.BruteForce(model.user_model, k=k)
        catalogue = tf.data.Dataset.from_tensor_slices(items).batch(4096)
        return index.index_from_dataset(catalogue.map(lambda ids: (ids, model.item_model(ids))))

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        index, had = make_index(k), names_of(known, users)
        found = []
        for part in np.array_split(np.arange(len(users)), -(-len(users) // 512)):
            seen = [had[place] for place in part]
            exclusions = tf.ragged.constant(seen, dtype=tf.string).to_tensor("")
            names = tf.constant(users[part].astype(str))
            found.append(index.query_with_exclusions(names, exclusions)[1].numpy())
        return ranked(users, np.concatenate(found).astype(np.int64))

    def end_epoch(epoch: int, logs: dict) -> None:
        model.stop_training = watch(recommend, model.get_weights)

    epochs = keras.callbacks.LambdaCallback(on_epoch_end=end_epoch)
    model.fit(batches, epochs=spec["max_epochs"], callbacks=[epochs], verbose=0)
    model.set_weights(watch.kept)

    def export(known: pd.DataFrame, folder: pathlib.Path) -> None:
        index = make_index(spec["k"])
        # The graph has one width, that of the longest history: `k` grows by it.
        width = int(known["user_id"].value_counts().max())
        specs = [tf.TensorSpec([None], tf.string), tf.TensorSpec([None, width], tf.string)]
        index.query_with_exclusions.get_concrete_function(*specs)
        tf.saved_model.save(index, str(folder))
        np.save(folder / "width.npy", width)

    return Trained(recommend, export)


def load(folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a user's name and those of what the user had."""
    index, width = tf.saved_model.load(str(folder)), int(np.load(folder / "width.npy"))

    def questions(known: pd.DataFrame, users: np.ndarray) -> list[tuple[tf.Tensor, tf.Tensor]]:
        had = names_of(known, users)
        padded = (tf.constant([names + [""] * (width - len(names))]) for names in had)
        return list(zip((tf.constant([str(user)]) for user in users), padded, strict=True))

    def ask(question: tuple[tf.Tensor, tf.Tensor]) -> tuple[np.ndarray, np.ndarray]:
        scores, names = index.query_with_exclusions(*question)
        return names.numpy()[0].astype(np.int64), scores.numpy()[0]

    return Loaded(questions, ask)


take_part(train, load, "tensorflow-recommenders", "tensorflow")
