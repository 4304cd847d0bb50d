"""What the stages of all recipes share: the search, the training, the files between them."""

import dataclasses
import enum
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import typer
from rich.console import Console
from rich.table import Table

from recipes.source import Source
from recipes.training import fit_resumable
from tfrs_ext import data, serving, tuning
from tfrs_ext.files import read_json, write_json

console = Console()


class Stage(str, enum.Enum):
    """What to run."""

    TUNE = "tune"
    TRAIN = "train"
    EXPORT = "export"
    QUERY = "query"
    ALL = "all"


@dataclasses.dataclass(frozen=True)
class Run:
    """What one run of a recipe is told.

    Attributes:
        source: Where the data come from.
        runs: Folder for what the stages hand on.
        base: Folder of the published versions.
        trials: Of the search.
        budget: Minutes for the search, or None.
        epochs: At most so many.
        patience: Epochs without gain before a training ends.
        user: Whom `query` is for, or None.
        k: How many items `query` shows.
        seed: Of the data's order and of the initial weights.
    """

    source: Source
    runs: pathlib.Path
    base: pathlib.Path
    trials: int
    budget: float | None
    epochs: int
    patience: int
    user: str | None
    k: int
    seed: int

    @classmethod
    def of(cls, recipe: str, source: Source, variant: str = "", **values: Any) -> Any:
        """Fills in the folders, one of results for each variant, and makes a smoke test small."""
        parts = (source.name, source.split, variant, "smoke" if source.smoke else "")
        label = "-".join(filter(None, parts))
        values["runs"] = values["runs"] or pathlib.Path("runs", recipe, label)
        values["base"] = values["base"] or pathlib.Path("saved_models", recipe)
        if source.smoke:
            values.update(trials=2, epochs=min(values["epochs"], 6))
        return cls(source=source, **values)

    def check_source(self) -> None:
        """Refuses to go on in a folder that was begun with other data."""
        path, ours = self.runs / "source.json", dataclasses.asdict(self.source)
        begun = read_json(path)
        if begun is None:
            write_json(path, ours)
        elif begun != ours:
            raise ValueError(
                f"`--runs` must be a folder that was begun with the same data, received "
                f"{self.runs} of {begun}: name another, or delete it"
            )


def search(
    run: Run,
    hypermodel: Any,
    train: Any,
    callbacks: Sequence[Any] = (),
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
        max_trials=run.trials,
        seed=run.seed,
        directory=run.runs,
        project_name="tuner",
        overwrite=False,
    )
    stop = tf.keras.callbacks.EarlyStopping(goal.name, mode=goal.direction, patience=run.patience)
    result = tuning.search(
        tuner,
        train,
        trials=run.trials,
        budget_seconds=None if run.budget is None else 60 * run.budget,
        seed=run.seed,
        print_fn=console.print,
        epochs=run.epochs,
        callbacks=[*callbacks, stop],
        **fit,
    )
    write_json(run.runs / "trials.json", result.trials)
    write_json(run.runs / "hparams.json", result.best)
    console.print(f"best trial: {goal.name} {result.score:.4f} with {result.best}")


def fit(run: Run, hypermodel: Any, train: Any, callbacks: Sequence[Any] = (), **fit: Any) -> Any:
    """Trains with the tuned hyper-parameters, or the defaults, and returns the best model."""
    hparams = read_json(run.runs / "hparams.json")
    if hparams is None:
        console.print("no hparams.json, so the defaults are trained; `tune` makes one")
    return fit_resumable(
        hypermodel,
        tuning.fixed(hparams or {}),
        train,
        run.runs / "train",
        callbacks=callbacks,
        objective=hypermodel.objective.name,
        epochs=run.epochs,
        patience=run.patience,
        seed=run.seed,
        **fit,
    )


def report(
    run: Run,
    model: Any,
    results: Mapping[str, Mapping[str, float]],
    columns: Sequence[str],
    baseline: str,
) -> None:
    """Shows and writes metrics.json; writes model.keras if the model beats the baseline.

    Args:
        run: The run.
        model: The trained model.
        results: From "model" and the baselines' names to their metrics.
        columns: The metrics to show; the first decides.
        baseline: What the model has to beat.
    """
    table = Table(title="test part", title_justify="left")
    for name in ["", *columns]:
        table.add_column(name, justify="right" if name else "left")
    for name, values in results.items():
        table.add_row(name, *(f"{values[column]:.4f}" for column in columns))
    console.print(table)
    write_json(run.runs / "metrics.json", results)
    if not results["model"][columns[0]] > results[baseline][columns[0]]:
        raise RuntimeError(
            f"the model doesn't beat {baseline} by {columns[0]} on the test part, so it isn't "
            "saved: tune longer (`--trials`), train longer (`--epochs`), or check the data"
        )
    aside = run.runs / ".model.keras"
    model.save(aside, save_format="keras")
    aside.replace(run.runs / "model.keras")


def trained(run: Run) -> Any:
    """Returns what `train` has saved."""
    path = run.runs / "model.keras"
    if not path.exists():
        raise RuntimeError(f"there is no {path}: run `train` first")
    return tf.keras.models.load_model(path)


def facts(run: Run) -> dict[str, Any]:
    """Returns what an export's manifest should say about the run."""
    return {
        "metrics": read_json(run.runs / "metrics.json"),
        "hparams": read_json(run.runs / "hparams.json"),
        "source": dataclasses.asdict(run.source),
    }


def first_user(frames: data.Frames) -> str:
    """Returns somebody to ask for."""
    return str(frames.users[frames.schema.user_id].iloc[0])


def ask(run: Run, user: str, signature: str, candidates: Sequence[str] = (), **inputs: Any) -> None:
    """Asks the newest version in a fresh process without this package, and shows the answer.

    Args:
        run: The run.
        user: Whom for.
        signature: Of the version.
        candidates: Item ids, where the signature takes them.
        **inputs: The others.
    """
    version = serving.latest_version(run.base)
    if version is None:
        raise RuntimeError(f"there is no version in {run.base}: run `export` first")
    manifest = serving.read_manifest(version)
    user_id, item_id = manifest["user_id"], manifest["item_id"]
    takes = manifest["signatures"][signature]["inputs"]
    request = {user_id: [_as_id(user, takes[user_id])], **inputs}
    if candidates:
        request[item_id] = [[_as_id(item, takes[item_id]) for item in candidates]]
    answer = serving.query_fresh(version, request, signature)
    table = Table(title=f"{version.name}: for {user_id} {user}", title_justify="left")
    names = [item_id, *({"title"} & set(answer)), "score"]
    for name in ["rank", *names]:
        table.add_column(name, justify="left" if name == "title" else "right")
    rows = zip(*(answer[name][0] for name in names), strict=True)
    for rank, (*cells, score) in enumerate(rows, start=1):
        table.add_row(str(rank), *map(str, cells), f"{score:.3f}")
    console.print(table)


def _as_id(text: str, tensor: Mapping[str, Any]) -> Any:
    return int(text) if tensor["dtype"].startswith("int") else text


def execute(run: Run, stage: Stage, steps: Sequence[Callable[[Any], None]]) -> None:
    """Runs the stages, and ends with one line where one of them can't go on."""
    try:
        if stage is not Stage.QUERY:  # Which reads the published version alone.
            run.check_source()
        for step in steps:
            if stage in (Stage.ALL, Stage(step.__name__)):
                console.rule(step.__name__)
                step(run)
    except (RuntimeError, ValueError, OSError) as error:
        console.print(f"[red]{type(error).__name__}[/red]: {error}", highlight=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        raise typer.Exit(130) from None
