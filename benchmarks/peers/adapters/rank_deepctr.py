"""DeepCTR-Torch, with the defaults of its models but for the width of the embeddings."""

import copy
import functools
from typing import Any

import numpy as np
import pandas as pd
import torch
from deepctr_torch import models
from deepctr_torch.callbacks import Callback
from deepctr_torch.inputs import SparseFeat
from exchange import Watch
from rank_exchange import Predict, answer_rows

MODELS: dict[str, Any] = {
    "DCN": models.DCN,
    "DCN-V2": functools.partial(models.DCN, cross_parameterization="matrix"),
    "DCN-Mix": models.DCNMix,
    "DeepFM": models.DeepFM,
    "WDL": models.WDL,
}


class Epochs(Callback):
    """Calls the watch after each epoch."""

    def __init__(self, watch: Watch, predict: Predict) -> None:
        super().__init__()
        self.watch, self.predict = watch, predict

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Ends an epoch, and asks as if the training were over."""
        is_over = self.watch(self.predict, lambda: copy.deepcopy(self.model.state_dict()))
        self.model.train()
        self.model.stop_training = is_over


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Predict:
    """Trains the model of the name in the settings."""
    torch.set_num_threads(spec["threads"])
    columns = [SparseFeat(name, size, spec["dim"]) for name, size in spec["sizes"].items()]
    model = MODELS[spec["model"].split(":")[1]](columns, columns, seed=spec["seed"])
    model.compile("adam", "binary_crossentropy")

    def inputs(some: pd.DataFrame) -> dict[str, np.ndarray]:
        return {name: some[name].to_numpy() for name in spec["sizes"]}

    def predict(some: pd.DataFrame) -> np.ndarray:
        return model.predict(inputs(some), batch_size=8192)[:, 0]

    model.fit(
        inputs(rows),
        rows["label"].to_numpy(np.float32),
        batch_size=spec["batch_size"],
        epochs=spec["max_epochs"],
        verbose=0,
        callbacks=[Epochs(watch, predict)],
    )
    model.load_state_dict(watch.kept)
    return predict


answer_rows(train, "deepctr-torch", "torch")
