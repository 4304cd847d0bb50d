"""SASRec of RecTools, with the softmax over the catalogue or over some negatives."""

import time

import pandas as pd
import torch
from exchange import answer
from pytorch_lightning import Callback, Trainer
from rectools.dataset import Dataset
from rectools.models import SASRecModel


class Clock(Callback):
    """Notes how long each epoch takes."""

    def __init__(self):
        self.seconds = []

    def on_train_epoch_start(self, trainer, module):
        """Starts an epoch."""
        self.start = time.perf_counter()

    def on_train_epoch_end(self, trainer, module):
        """Ends an epoch."""
        self.seconds.append(time.perf_counter() - self.start)


def table_of(rows: pd.DataFrame) -> Dataset:
    """Returns the rows as RecTools takes them; the order stands for the time."""
    rows = rows.assign(datetime=pd.to_datetime(rows["order"], unit="s"), weight=1.0)
    return Dataset.construct(rows.drop(columns="order"))


def recommend(train: pd.DataFrame, known: pd.DataFrame, asked: pd.Series, spec: dict):
    """Returns the best items by the state after all that is known of the user."""
    torch.manual_seed(spec["seed"])
    torch.set_num_threads(spec["threads"])

    def make_trainer() -> Trainer:
        return Trainer(
            max_epochs=spec["max_epochs"],
            accelerator="cpu",
            precision=spec.get("precision", "32-true"),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Clock()],
        )

    negatives = spec.get("negatives")
    model = SASRecModel(
        n_blocks=2,
        n_heads=spec.get("heads", 1),
        n_factors=spec["dim"],
        dropout_rate=spec.get("dropout", 0.2),
        session_max_len=spec["length"],
        batch_size=spec["batch_size"],
        loss="sampled_softmax" if negatives else "softmax",
        n_negatives=negatives or 1,
        lr=spec.get("rate", 1e-3),
        get_trainer_func=make_trainer,
    )
    model.fit(table_of(train))
    # RecTools trains a copy of the trainer, with copies of its callbacks.
    clocks = [part for part in model.fit_trainer.callbacks if isinstance(part, Clock)]
    spec["epochs"] = clocks[0].seconds
    known = known[known["item_id"].isin(train["item_id"].unique())]
    return model.recommend(asked.to_numpy(), table_of(known), k=spec["k"], filter_viewed=True)


answer(recommend)
