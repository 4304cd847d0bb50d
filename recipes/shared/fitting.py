"""The search, the training, and whether what came out is good enough to keep."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from rich.table import Table

import tfrs_ext
from tfrs_ext import files, report, training, tuning

from .console import console, say
from .settings import Settings
from .source import read_mapping
from .summary import write_report
from .workers import launch, share_batches


def search(
    settings: Settings,
    hypermodel: tuning.HyperModel,
    train: Callable[[int], tf.data.Dataset],
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
    fixed: Mapping[str, Any] | None = None,
    **fit: Any,
) -> None:
    """Searches hyper-parameters but the fixed ones; writes trials.json and hparams.json."""
    goal, hp = hypermodel.objective, tuning.HyperParameters()
    for name, value in (fixed or {}).items():
        hp.Fixed(name, value)
    tuner = tuning.RandomSearch(
        hypermodel,
        goal,
        hyperparameters=hp,
        max_trials=settings.trials,
        seed=settings.seed,
        directory=settings.runs,
        project_name="tuner",
        overwrite=False,
    )
    patience = settings.patience
    stop = tf.keras.callbacks.EarlyStopping(goal.name, mode=goal.direction, patience=patience)
    result = tuning.search(
        tuner,
        train,
        trials=settings.trials,
        budget_seconds=None if settings.budget is None else 60 * settings.budget,
        seed=settings.seed,
        print_fn=say,
        epochs=settings.trial_epochs,
        callbacks=[*callbacks, stop],
        **fit,
    )
    files.write_json(settings.runs / "trials.json", result.trials)
    files.write_json(settings.runs / "hparams.json", result.best)
    report.log_trials(settings.runs / "logs", result.trials, goal.name)
    best = ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in result.best.items()
        if name not in (fixed or {})
    )
    say(f"best trial: {goal.name} {result.score:.4f} with {best}")
    say(f"wrote {settings.runs / 'hparams.json'}")


def fit(
    settings: Settings,
    hypermodel: tuning.HyperModel,
    train: Callable[[int], tf.data.Dataset],
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
    depends_on: Mapping[str, Any] | None = None,
    workers: int = 1,
    **fit: Any,
) -> Any:
    """Trains with the tuned hyper-parameters, or the defaults, and returns the best model.

    Where what it `depends_on` has changed since, an interrupted training begins anew. Several
    `workers` train first, and this process takes what they have written.
    """
    path = settings.runs / "hparams.json"
    tuned = read_mapping(path)
    is_worker = tf.distribute.has_strategy()  # Which `work` has made.
    if not tuned and not is_worker:
        say("no hparams.json, so the defaults are trained; `tune` makes one")
    tf.keras.utils.set_random_seed(settings.seed)
    hp = tuning.fixed(tuned)
    try:
        model, size = hypermodel.build(hp), tuning.space.batch_size(hp)
    except ValueError as error:
        raise ValueError(f"{path} must fit the model, received {tuned}: {error}") from error
    decisive = {
        "hyperparameters": hp.get_config()["values"],
        "seed": settings.seed,
        "data": settings.frames.fingerprint(),
        "tfrs_ext": tfrs_ext.__version__,
        **(depends_on or {}),
    }
    watchers = list(callbacks)
    if not is_worker:
        # From here on an older model isn't what these files tell of.
        (settings.runs / "model.keras").unlink(missing_ok=True)
        files.write_json(settings.runs / "trained.json", decisive)
        watchers.append(tf.keras.callbacks.TensorBoard(settings.runs / "logs", profile_batch=0))
        if workers > 1:
            launch(workers)
    training.fit_resumable(
        model,
        share_batches(train(size)),
        settings.runs / "train",
        monitor=hypermodel.objective.name,
        mode=hypermodel.objective.direction,
        epochs=settings.epochs,
        patience=settings.patience,
        settings=decisive,
        callbacks=watchers,
        print_fn=say,
        **fit,
    )
    return model


def accept(
    settings: Settings,
    model: tf.keras.Model,
    results: Mapping[str, Mapping[str, float]],
    columns: Sequence[str],
    rivals: Sequence[str],
    summary: report.RunSummary,
) -> None:
    """Shows and writes metrics.json; writes model.keras if the model beats its rivals.

    It writes report.html too, unless the export that follows writes it with more.

    Args:
        settings: Of the run.
        model: The trained model.
        results: From "model" and the baselines' names to their metrics.
        columns: The metrics to show; the first decides.
        rivals: The baselines that the model has to beat.
        summary: What is known of the run.
    """
    table = Table(title="test part", title_justify="left")
    for name in ["", *columns]:
        table.add_column(name, justify="right" if name else "left")
    for name, values in results.items():
        table.add_row(name, *(f"{values[column]:.4f}" for column in columns))
    console.print(table)
    files.write_json(settings.runs / "metrics.json", results)
    best = results["model"][columns[0]]
    winners = [name for name in rivals if not best > results[name][columns[0]]]
    if winners or not settings.goes_on:
        write_report(settings, summary)
    if winners:
        raise RuntimeError(
            f"the model doesn't beat {winners[0]} by {columns[0]} on the test part, so it isn't "
            "saved: tune longer (`--trials`), train longer (`--epochs`), or check the data"
        )
    with files.replace_file(settings.runs / "model.keras") as part:
        model.save(part)
    say(f"wrote {settings.runs / 'model.keras'}")


def trained(settings: Settings) -> Any:
    """Returns what `train` has saved."""
    path = settings.runs / "model.keras"
    if not path.exists():
        raise RuntimeError(f"there is no {path}: run `train` first")
    return tf.keras.models.load_model(path, compile=False)
