"""Training that goes on where it was killed, and begins anew where something else is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.callbacks import EpochEvaluation
from tfrs_ext.training.epoch_lines import EpochLines
from tfrs_ext.training.progress import TrainingError, TrainingProgress, read_history
from tfrs_ext.training.random_states import draw_from_variables
from tfrs_ext.training.shared_folder import hold_training
from tfrs_ext.training.step_progress import StepProgress
from tfrs_ext.typing import PathLike, PrintFn


def fit_resumable(
    model: keras.Model,
    train: tf.data.Dataset,
    folder: PathLike,
    *,
    monitor: str,
    mode: str = "max",
    epochs: int,
    patience: int | None = None,
    settings: Mapping[str, Any] | None = None,
    save_every: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    print_fn: PrintFn = print,
    **fit: Any,
) -> dict[str, list[float]]:
    """Fits a model, gives it the weights of its best epoch, and survives a kill at any moment.

    A second call with the same folder and settings goes on after the last whole epoch, or, where
    the training had ended, only gives the model its best weights. The order of the data, the
    random numbers (dropout, drawn negatives), the history and the patience are as if nothing had
    happened, so that the result is the same to the last bit. Random numbers are those of Keras's
    layers, of this package, and of any `tf.random.Generator` that is an attribute of a layer; the
    state of operations such as `tf.random.uniform` and `tf.nn.dropout`, called directly, can't be
    kept. With other settings the training begins anew, and `print_fn` says why. With more epochs
    or patience than before it goes on.

    Args:
        model: A compiled model, built in the same way by every call.
        train: Batches. Their order may depend on the epoch, as that of `data.training_dataset`
            with a seed does: the epochs that were trained before are passed over.
        folder: Where the files of `TrainingProgress` are. One process at a time may use it; the
            workers of one strategy count as one, of which the first writes there.
        monitor: The name in the logs that says how good the model is, such as `"val_loss"`.
        mode: `"max"` where larger values of `monitor` are better, `"min"` where smaller ones are.
        epochs: The most epochs that are trained.
        patience: How many epochs without improvement end the training; None trains all epochs. At
            least `every` of the `callbacks.EpochEvaluation` that gives `monitor`.
        settings: All that decides the training besides the arguments here: the hyper-parameters,
            the seed, a fingerprint of the data. JSON-able.
        save_every: After how many steps within an epoch weights, metrics and the place in the data
            are written, so that the training goes on there, and no row is seen twice in an epoch;
            None goes on with the whole epoch. What was trained of it is read and passed over.
        callbacks: Keras callbacks, which come before the one that this function adds. The one that
            puts `monitor` into the logs is among them, unless `model.fit` does that itself.
        print_fn: Takes lines for people: whether the training goes on or begins anew, and how each
            epoch went.
        **fit: More arguments of `model.fit`, such as `validation_data`, but not `steps_per_epoch`.
            Keras's bars are off unless `verbose` asks for them.

    Returns:
        The history: from each name in the logs to its values, and `epoch`.

    Raises:
        TrainingError: The loss, `monitor` or a weight isn't finite. The epochs before are kept.
        RuntimeError: Another process trains in the folder.
        ValueError: An argument is out of range, or a file in the folder can't be read.

    Relations:
        `keras.callbacks.BackupAndRestore` resumes the weights and the epoch alone.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> train = tf.data.Dataset.from_tensor_slices((np.eye(4), np.ones(4))).batch(2)
        >>> history = fit_resumable(
        ...     model, train, tempfile.mkdtemp(), monitor="loss", mode="min", epochs=2,
        ...     print_fn=lambda line: None)
        >>> history["epoch"]
        [0, 1]
    """
    evaluations = [c for c in callbacks if isinstance(c, EpochEvaluation)]
    _check_arguments(epochs, patience, max((c.every for c in evaluations), default=1), fit)
    strategy = model.distribute_strategy
    with hold_training(folder, strategy) as held, draw_from_variables(model):
        progress = TrainingProgress(held, monitor, mode, patience, settings)
        steps = None if save_every is None else StepProgress(held, save_every)
        trained = _resume(progress, steps, model, train, epochs, print_fn)
        if not progress.is_over(epochs):
            watchers = [*callbacks, progress, EpochLines(progress, epochs, print_fn)]
            watchers += [] if steps is None else [steps]
            parts = [(train if steps is None else _begin_when_read(train), epochs)]
            if trained:
                # Keras takes the number of steps of the first epoch for that of all: one that is
                # only finished here is fitted on its own. What is passed over is read and thrown
                # away: any data set can do that, at its own speed.
                rest = _begin_when_read(train.skip(trained))
                parts = [(rest, len(progress.rows) + 1), *parts]
            for batches, end in parts:
                begin, fit = len(progress.rows), {"verbose": 0, **fit}
                for evaluation in evaluations:
                    evaluation.go_on(progress.rows[-1] if progress.rows else None, epochs)
                model.fit(batches, epochs=end, initial_epoch=begin, callbacks=watchers, **fit)
                if model.stop_training:
                    break
            progress.finish(epochs)
        if progress.best is None:
            raise TrainingError("No epoch was trained: a callback ended the training before.")
        progress.restore(model, progress.best["epoch"])
        return read_history(held)


def _check_arguments(
    epochs: int, patience: int | None, every: int, fit: Mapping[str, object]
) -> None:
    if epochs < 1:
        raise ValueError(f"`epochs` must be at least 1, received epochs={epochs}.")
    if patience is not None and patience < every > 1:
        raise ValueError(
            f"`patience` must be at least every={every} of the evaluation among `callbacks`, whose "
            f"values are repeated in between, received patience={patience}."
        )
    if fit.get("steps_per_epoch") is not None:
        raise ValueError(
            "`steps_per_epoch` can't be resumed, since the data then begin anew within an epoch, "
            f"received {fit['steps_per_epoch']}: give each epoch its batches, `train.take(n)`."
        )


def _resume(
    progress: TrainingProgress,
    steps: StepProgress | None,
    model: keras.Model,
    train: tf.data.Dataset,
    epochs: int,
    print_fn: PrintFn,
) -> int:
    """Reads an earlier training, and brings the model and the data to where it was.

    Returns:
        How many steps of the epoch to go on with were trained.
    """
    changed = progress.read()
    if not changed and progress.is_too_long(epochs):
        changed = ["epochs or patience"]
    if changed:
        print_fn(f"the training begins anew, because this has changed: {', '.join(changed)}")
        progress.forget()
        if steps is not None:
            steps.forget()
    elif progress.rows and not progress.is_over(epochs):
        print_fn(f"the training goes on after epoch {len(progress.rows)}")
        progress.restore(model, progress.rows[-1]["epoch"])
        for _ in progress.rows:
            iter(train)  # Each iterator that begins is an epoch: the next has the next order.
    trained = steps.resume(model, len(progress.rows)) if steps is not None else 0
    if trained:
        print_fn(f"the training goes on after step {trained} of epoch {len(progress.rows) + 1}")
    return trained


def _begin_when_read(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the same batches, of which an iterator begins an epoch with the first that it reads.

    `fit` makes one iterator more than it reads, which would be an epoch of another order.
    """
    lazy = tf.data.Dataset.from_tensors(0).flat_map(lambda _: batches)
    lazy = lazy.with_options(batches.options())  # Those of a function's data set aren't heeded.
    size = int(batches.cardinality())
    return lazy if size < 0 else lazy.apply(tf.data.experimental.assert_cardinality(size))
