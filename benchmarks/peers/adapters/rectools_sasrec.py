"""SASRec of RecTools, with the softmax over the catalogue or over some negatives."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import torch
from exchange import Recommend, Watch, answer
from pytorch_lightning import Callback, Trainer
from rectools.dataset import Dataset
from rectools.models import SASRecModel


class Epochs(Callback):
    """Calls the watch after each epoch."""

    watch: Watch
    model: SASRecModel
    recommend: Recommend

    def __deepcopy__(self, memo: dict) -> "Epochs":
        """Returns itself: RecTools trains a copy of the trainer."""
        return self

    def on_train_epoch_end(self, trainer: Trainer, module: Any) -> None:
        """Ends an epoch, and asks as if the training were over."""
        self.model.is_fitted = True
        with torch.no_grad():
            trainer.should_stop = self.watch(
                self.recommend, lambda: copy.deepcopy(module.state_dict())
            )
        self.model.is_fitted = False
        module.train()


def table_of(rows: pd.DataFrame) -> Dataset:
    """Returns the rows as RecTools takes them; the order stands for the time."""
    times = pd.to_datetime(rows["order"], unit="s")
    return Dataset.construct(rows[["user_id", "item_id"]].assign(datetime=times, weight=1.0))


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers by the state after all that is known of the user."""
    torch.manual_seed(spec["seed"])
    torch.set_num_threads(spec["threads"])
    epochs = Epochs()

    def make_trainer() -> Trainer:
        return Trainer(
            max_epochs=spec["max_epochs"],
            accelerator="cpu",
            precision=spec.get("precision", "32-true"),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[epochs],
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
    items = rows["item_id"].unique()

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        known = table_of(known[known["item_id"].isin(items)])
        return model.recommend(users, known, k, filter_viewed=True, on_unsupported_targets="ignore")

    epochs.watch, epochs.model, epochs.recommend = watch, model, recommend
    model.fit(table_of(rows))
    model.lightning_model.load_state_dict(watch.kept)
    return recommend


answer(train, "rectools", "torch")
