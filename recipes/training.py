"""Training that is stopped when it no longer helps, and goes on where it was killed."""

import pathlib
from collections.abc import Sequence
from typing import Any

import pandas as pd
import tensorflow as tf

from tfrs_ext.files import write_json


def fit_resumable(
    hypermodel: Any,
    hp: Any,
    train: Any,
    folder: pathlib.Path,
    *,
    callbacks: Sequence[Any],
    objective: str,
    epochs: int,
    patience: int,
    seed: int,
    **fit: Any,
) -> Any:
    """Fits a model, keeping its best weights; a second call goes on after the last whole epoch.

    Args:
        hypermodel: With `build(hp)` and `fit(hp, model, train, …)`.
        hp: Its hyper-parameters.
        train: From a batch size to batches.
        folder: For checkpoints, `history.csv` and TensorBoard's logs.
        callbacks: Come before those of this function.
        objective: The log that should grow.
        epochs: At most so many.
        patience: Epochs without improvement after which training ends.
        seed: Of the initial weights.
        **fit: For `hypermodel.fit`, such as `validation_data`.

    Returns:
        The model with the best weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    history, done = folder / "history.csv", folder / "done.json"
    tf.keras.utils.set_random_seed(seed)
    model = hypermodel.build(hp)
    if not done.exists():
        # The file is there, but empty, until the first epoch ends.
        has_epochs = history.exists() and history.stat().st_size > 0
        best = pd.read_csv(history)[objective].max() if has_epochs else None
        callbacks = [
            *callbacks,
            # One prefix an epoch: what `checkpoint` names is whole at every moment.
            tf.keras.callbacks.ModelCheckpoint(
                str(folder / "best" / "{epoch:04d}"),
                monitor=objective,
                mode="max",
                save_best_only=True,
                save_weights_only=True,
                initial_value_threshold=best,
            ),
            tf.keras.callbacks.CSVLogger(history, append=True),
            tf.keras.callbacks.TensorBoard(folder / "logs", profile_batch=0),
            tf.keras.callbacks.EarlyStopping(
                objective, mode="max", patience=patience, baseline=best
            ),
            tf.keras.callbacks.BackupAndRestore(folder / "backup"),
        ]
        hypermodel.fit(hp, model, train, epochs=epochs, callbacks=callbacks, **fit)
        write_json(done, {"epochs": len(pd.read_csv(history))})
    newest = tf.train.latest_checkpoint(folder / "best")
    if newest is None:
        raise RuntimeError(
            f"no epoch had a finite `{objective}`: lower the learning rate; see {history}"
        )
    model.load_weights(newest).expect_partial()
    return model
