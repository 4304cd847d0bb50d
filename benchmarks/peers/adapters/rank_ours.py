"""Models of this library that rank: any of `models.RANKERS`, as it usually is."""

import numpy as np
import pandas as pd
from exchange import Watch
from rank_exchange import Predict, answer_rows

from tfrs_ext import tuning
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Predict:
    """Trains the model of the name in the settings."""
    names = list(spec["sizes"])
    features = [Categorical(name, tuple(range(1, spec["sizes"][name]))) for name in names]
    hypermodel = tuning.RankingHyperModel(features, "item_id", "user_id", spec["model"])
    keras.utils.set_random_seed(spec["seed"])
    model = hypermodel.build(tuning.fixed({"embedding_dim": spec["dim"]}))

    def predict(some: pd.DataFrame) -> np.ndarray:
        return model.predict(some[names], batch_size=8192, verbose=0)[:, 0]

    def end_epoch(epoch: int, logs: dict) -> None:
        model.stop_training = watch(predict, model.get_weights)

    model.fit(
        rows[names],
        rows["label"],
        batch_size=spec["batch_size"],
        epochs=spec["max_epochs"],
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=end_epoch)],
        verbose=0,
    )
    model.set_weights(watch.kept)
    return predict


answer_rows(train, "tensorflow", "numpy")
