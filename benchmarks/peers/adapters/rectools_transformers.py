"""What the transformers of RecTools share: their training, epoch by epoch, and their answers.

A training that was killed goes on after its last whole epoch, from files beside the answers.
"""

import copy
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from exchange import Recommend, Watch
from exports import Loaded, Trained
from pytorch_lightning import Callback, Trainer
from rectools.dataset import Dataset
from rectools.models.nn.transformers.base import TransformerModelBase


class Epochs(Callback):
    """Calls the watch after each epoch, and keeps what a later process needs to go on."""

    model: TransformerModelBase
    recommend: Recommend

    def __init__(self, watch: Watch) -> None:
        self.watch, self.spec = watch, watch.spec
        self.state, self.progress = (watch.folder / n for n in ("trainer.ckpt", "progress.pt"))

    def __deepcopy__(self, memo: dict) -> "Epochs":
        """Returns itself: RecTools trains a copy of the trainer."""
        return self

    def resume(self) -> str | None:
        """Gives the watch the epochs of an earlier process, and returns the trainer's file."""
        if not self.progress.exists():
            return None
        kept = torch.load(self.progress, weights_only=False)
        if kept["spec"] != self.spec:
            return None
        self.watch.rows, self.watch.kept = kept["rows"], kept["kept"]
        set_seed(self.spec["seed"] + len(self.watch.rows))  # Another order of the rows.
        return str(self.state)

    def on_train_epoch_end(self, trainer: Trainer, module: Any) -> None:
        """Ends an epoch, and asks as if the training were over."""
        self.model.is_fitted = True
        with torch.no_grad():
            is_over = self.watch(self.recommend, lambda: copy.deepcopy(module.state_dict()))
        self.model.is_fitted = False
        module.train()
        trainer.should_stop = is_over
        if "patience" in self.spec:
            trainer.save_checkpoint(self.state)
            progress = {"spec": self.spec, "rows": self.watch.rows, "kept": self.watch.kept}
            torch.save(progress, self.progress)
            self.watch.start()  # Writing is no part of the next epoch.


class Resumed(Trainer):
    """A trainer that goes on where an earlier process was."""

    def fit(self, module: Any, *args: Any, **kwargs: Any) -> None:
        """Trains the rest."""
        epochs = next(part for part in self.callbacks if isinstance(part, Epochs))
        state = epochs.resume()
        module.is_fitted = state is not None  # Or RecTools draws the weights anew as it starts.
        super().fit(module, *args, **kwargs, ckpt_path=state)


def set_seed(seed: int) -> None:
    """Seeds the weights and the order of the rows by torch, and masks by NumPy."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - RecTools draws from this one.


def table_of(rows: pd.DataFrame) -> Dataset:
    """Returns the rows as RecTools takes them; the order stands for the time."""
    times = pd.to_datetime(rows["order"], unit="s")
    return Dataset.construct(rows[["user_id", "item_id"]].assign(datetime=times, weight=1.0))


def fit(
    make_model: Callable[..., TransformerModelBase],
    rows: pd.DataFrame,
    spec: dict,
    watch: Watch,
    **settings: Any,
) -> Trained:
    """Returns the answers by the state after all that is known of the user.

    Args:
        make_model: A transformer of RecTools, from its settings.
        rows: The training rows.
        spec: What all contestants are told.
        watch: Is called after each epoch.
        **settings: What this transformer is told besides.
    """
    set_seed(spec["seed"])
    torch.set_num_threads(spec["threads"])
    epochs = Epochs(watch)

    def make_trainer() -> Trainer:
        return Resumed(
            max_epochs=spec["max_epochs"],
            accelerator="cpu",
            precision=spec.get("precision", "32-true"),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[epochs],
        )

    model = make_model(
        n_factors=spec["dim"],
        dropout_rate=spec.get("dropout", 0.2),
        session_max_len=spec["length"],
        batch_size=spec["batch_size"],
        lr=spec.get("rate", 1e-3),
        get_trainer_func=make_trainer,
        **settings,
    )
    items = rows["item_id"].unique()

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        known = table_of(known[known["item_id"].isin(items)])
        return model.recommend(users, known, k, filter_viewed=True, on_unsupported_targets="ignore")

    def export(known: pd.DataFrame, folder: pathlib.Path) -> None:
        model.fit_trainer.save_checkpoint(folder / "model.ckpt")

    epochs.model, epochs.recommend = model, recommend
    model.fit(table_of(rows))
    model.lightning_model.load_state_dict(watch.kept)
    return Trained(recommend, export)


def read_export(kind: type[TransformerModelBase], folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a data set of one user.

    Args:
        kind: The transformer that was exported.
        folder: Of the export.
        spec: What all contestants are told.
    """
    torch.set_num_threads(spec["threads"])
    # RecTools starts a training without rows to read a checkpoint; ours isn't needed for that.
    changes = {"get_trainer_func": None}
    model = kind.load_from_checkpoint(folder / "model.ckpt", model_params_update=changes)
    items = model.data_preparator.get_known_item_ids()

    def questions(known: pd.DataFrame, users: np.ndarray) -> list[Dataset]:
        known = known[known["item_id"].isin(items)]
        return [table_of(known[known["user_id"] == user]) for user in users]

    def ask(known: Dataset) -> tuple[np.ndarray, np.ndarray]:
        users = known.user_id_map.external_ids
        found = model.recommend(users, known, spec["k"], filter_viewed=True)
        return found["item_id"].to_numpy(), found["score"].to_numpy()

    return Loaded(questions, ask)
