"""Two towers of plain TFRS, with the sizes of batch and rate of its tutorial on basic retrieval."""

import numpy as np
import pandas as pd
import tensorflow as tf
import tensorflow_recommenders as tfrs
from exchange import Recommend, Watch, answer, ranked

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


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
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

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        index = tfrs.layers.factorized_top_k.BruteForce(model.user_model, k=k)
        catalogue = tf.data.Dataset.from_tensor_slices(items).batch(4096)
        index.index_from_dataset(catalogue.map(lambda ids: (ids, model.item_model(ids))))
        had = known.groupby("user_id")["item_id"].agg(list).reindex(users)
        found = []
        for part in np.array_split(np.arange(len(users)), -(-len(users) // 512)):
            seen = [[str(item) for item in had.iloc[place]] for place in part]
            exclusions = tf.ragged.constant(seen, dtype=tf.string).to_tensor("")
            names = tf.constant(users[part].astype(str))
            found.append(index.query_with_exclusions(names, exclusions)[1].numpy())
        return ranked(users, np.concatenate(found).astype(np.int64))

    def end_epoch(epoch: int, logs: dict) -> None:
        model.stop_training = watch(recommend, model.get_weights)

    epochs = keras.callbacks.LambdaCallback(on_epoch_end=end_epoch)
    model.fit(batches, epochs=spec["max_epochs"], callbacks=[epochs], verbose=0)
    model.set_weights(watch.kept)
    return recommend


answer(train, "tensorflow-recommenders", "tensorflow")
