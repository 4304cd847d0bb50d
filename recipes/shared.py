"""What both recipes share: the data, the options, the folders, and how a step is run."""

import dataclasses
import enum
import functools
import importlib.metadata
import inspect
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import tensorflow as tf
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer import Option

from tfrs_ext import data, files, report, serving, training, tuning

console = Console()

SPLITS: dict[str, Callable[[data.Frames], data.Split]] = {
    "global-time": data.global_time_split,
    "leave-one-out": data.leave_one_out,
    "random": data.random_split,
}
MOVIELENS = {f"movielens-{name}": name for name in ("100k", "1m", "latest-small")}
DATA = ("synthetic", *MOVIELENS)
LIMITS = (
    "One training with one seed: how far another seed would move the figures isn't in the "
    "intervals, which are about other users.",
    "Users took what they were shown: the log favours what earlier systems offered.",
    "Each look at the test part that leads to another model makes it a validation part.",
)
_PACKAGES = ("tensorflow", "tf-keras", "tensorflow-recommenders", "tfrs-ext")


class Step(str, enum.Enum):
    """What to run."""

    TUNE = "tune"
    TRAIN = "train"
    EXPORT = "export"
    QUERY = "query"
    ALL = "all"


# 1. The data.


@dataclasses.dataclass(frozen=True)
class DataSource:
    """Where the interactions come from, and how they are split.

    Attributes:
        name: One of `DATA`, or the name of the user's file.
        path: Folder or archive of a MovieLens data set; None downloads it.
        interactions: The user's own CSV or Parquet file, or None.
        users: CSV or Parquet, or None.
        items: CSV or Parquet, or None.
        schema: JSON file with the arguments of `data.Schema`, or None for its defaults.
        split: One of `SPLITS`.
        smoke: Whether everything is small enough to be over in a minute.
    """

    name: str = "synthetic"
    path: str | None = None
    interactions: str | None = None
    users: str | None = None
    items: str | None = None
    schema: str | None = None
    split: str = "global-time"
    smoke: bool = False

    def load(self) -> data.Frames:
        """Returns the checked frames."""
        if self.split not in SPLITS:
            raise ValueError(f"`split` must be one of {', '.join(SPLITS)}, got {self.split!r}")
        if self.interactions is not None:
            config = files.read_json(self.schema) if self.schema else {}
            schema = data.Schema.from_config(config)
            return data.load_frames(self.interactions, self.users, self.items, schema)
        if self.name in MOVIELENS:
            return data.load_movielens(MOVIELENS[self.name], self.path)
        if self.name != "synthetic":
            raise ValueError(f"`data` must be one of {', '.join(DATA)}, received {self.name!r}")
        if self.smoke:
            return data.synthetic(num_users=600, num_items=200, interactions_per_user=25)[0]
        return data.synthetic()[0]

    def split_frames(self, frames: data.Frames) -> data.Split:
        """Returns the parts to train on, to choose by and to report on."""
        return SPLITS[self.split](frames)


# 2. The settings.


@dataclasses.dataclass(frozen=True)
class Settings:
    """What one run of a recipe is told.

    Attributes:
        source: Where the data come from.
        runs: Folder for what the steps hand on.
        base: Folder of the published versions.
        trials: The number of trials of the search.
        budget: Minutes for the search, or None.
        epochs: The most epochs of a training.
        patience: Epochs without gain before a training ends.
        user: Whom `query` is for, or None.
        k: How many items `query` shows.
        seed: The seed of the data's order and of the initial weights.
    """

    source: DataSource
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
    def of(cls, recipe: str, source: DataSource, variant: str = "", **values: Any) -> Any:
        """Fills in the folders, one of results for each variant, and makes a smoke test small."""
        parts = (source.name, source.split, variant, "smoke" if source.smoke else "")
        label = "-".join(filter(None, parts))
        values["runs"] = values["runs"] or pathlib.Path("runs", recipe, label)
        values["base"] = values["base"] or pathlib.Path("saved_models", recipe)
        if source.smoke:
            values.update(trials=2, epochs=min(values["epochs"], 6))
        return cls(source=source, **values)

    @functools.cached_property
    def frames(self) -> data.Frames:
        """All data, loaded when a step first needs them."""
        return self.source.load()

    @functools.cached_property
    def split(self) -> data.Split:
        """The parts to train on, to choose by and to report on."""
        return self.source.split_frames(self.frames)


def _options(
    data: Annotated[str, Option(help=f"One of {', '.join(DATA)}.")] = DATA[0],
    path: Annotated[str | None, Option(help="MovieLens' folder or archive.")] = None,
    interactions: Annotated[str | None, Option(help="Your CSV or Parquet file.")] = None,
    users: Annotated[str | None, Option(help="Your users, CSV or Parquet.")] = None,
    items: Annotated[str | None, Option(help="Your items, CSV or Parquet.")] = None,
    schema: Annotated[str | None, Option(help="JSON: data.Schema's arguments.")] = None,
    split: Annotated[str, Option(help=f"One of {', '.join(SPLITS)}.")] = "global-time",
    runs: Annotated[pathlib.Path | None, Option(help="Folder for results.")] = None,
    base: Annotated[pathlib.Path | None, Option(help="Folder of versions.")] = None,
    trials: Annotated[int, Option(help="Trials of the search.")] = 6,
    budget: Annotated[float | None, Option(help="Minutes for the search.")] = None,
    epochs: Annotated[int, Option(help="At most so many epochs.")] = 20,
    patience: Annotated[int, Option(help="Epochs without gain before the end.")] = 2,
    user: Annotated[str | None, Option(help="Whom `query` is for; else the first user.")] = None,
    k: Annotated[int, Option("-k", help="How many items `query` shows.")] = 10,
    seed: Annotated[int, Option(help="Of the data's order and the initial weights.")] = 1,
    smoke: Annotated[bool, Option(help="All of it small, in a minute.")] = False,
) -> dict[str, Any]:
    name = "files" if interactions is not None else data
    source = DataSource(name, path, interactions, users, items, schema, split, smoke)
    return {
        "source": source,
        "runs": runs,
        "base": base,
        "trials": trials,
        "budget": budget,
        "epochs": epochs,
        "patience": patience,
        "user": user,
        "k": k,
        "seed": seed,
    }


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the shared options to a command, which takes them as `**run`, as `Settings.of` does."""
    own = inspect.signature(command, eval_str=True)
    common = inspect.signature(_options, eval_str=True).parameters
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]

    @functools.wraps(command)
    def whole(**values: Any) -> None:
        run = _options(**{name: values.pop(name) for name in common})
        command(**values, **run)

    parameters = [*named, *common.values()]
    whole.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    whole.__annotations__ = {p.name: p.annotation for p in parameters}
    return whole


# 3. The steps.


def run_steps(settings: Settings, step: Step, steps: Sequence[Callable[[Any], None]]) -> None:
    """Runs the steps, and ends with one line where one of them can't go on."""
    try:
        if step is not Step.QUERY:  # Which reads the published version alone.
            _check_source(settings)
        for function in steps:
            if step in (Step.ALL, Step(function.__name__)):
                console.rule(function.__name__)
                function(settings)
    except (RuntimeError, ValueError, OSError) as error:
        console.print(Text(f"{type(error).__name__}: ", "red") + Text(str(error)))
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        raise typer.Exit(130) from None


def _check_source(settings: Settings) -> None:
    """Refuses to go on in a folder that was begun with other data."""
    path, ours = settings.runs / "source.json", dataclasses.asdict(settings.source)
    begun = files.read_json(path)
    if begun is None:
        files.write_json(path, ours)
    elif begun != ours:
        raise ValueError(
            f"`--runs` must be a folder that was begun with the same data, received "
            f"{settings.runs} of {begun}: name another, or delete it"
        )


def search(
    settings: Settings,
    hypermodel: Any,
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
        print_fn=console.print,
        epochs=settings.epochs,
        callbacks=[*callbacks, stop],
        **fit,
    )
    files.write_json(settings.runs / "trials.json", result.trials)
    files.write_json(settings.runs / "hparams.json", result.best)
    report.log_trials(settings.runs / "logs", result.trials, goal.name)
    console.print(f"best trial: {goal.name} {result.score:.4f} with {result.best}")


def fit(
    settings: Settings,
    hypermodel: Any,
    train: Callable[[int], tf.data.Dataset],
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
    **fit: Any,
) -> Any:
    """Trains with the tuned hyper-parameters, or the defaults, and returns the best model."""
    tuned = files.read_json(settings.runs / "hparams.json")
    if tuned is None:
        console.print("no hparams.json, so the defaults are trained; `tune` makes one")
    tf.keras.utils.set_random_seed(settings.seed)
    hp = tuning.fixed(tuned or {})
    model = hypermodel.build(hp)
    training.fit_resumable(
        model,
        train(tuning.space.batch_size(hp)),
        settings.runs / "train",
        monitor=hypermodel.objective.name,
        mode=hypermodel.objective.direction,
        epochs=settings.epochs,
        patience=settings.patience,
        settings={"seed": settings.seed, **hp.values},
        callbacks=[
            *callbacks,
            tf.keras.callbacks.TensorBoard(settings.runs / "logs", profile_batch=0),
        ],
        print_fn=console.print,
        **fit,
    )
    return model


def accept(
    settings: Settings,
    model: tf.keras.Model,
    results: Mapping[str, Mapping[str, float]],
    columns: Sequence[str],
    rivals: Sequence[str],
) -> None:
    """Shows and writes metrics.json; writes model.keras if the model beats its rivals.

    Args:
        settings: Of the run.
        model: The trained model.
        results: From "model" and the baselines' names to their metrics.
        columns: The metrics to show; the first decides.
        rivals: The baselines that the model has to beat.
    """
    table = Table(title="test part", title_justify="left")
    for name in ["", *columns]:
        table.add_column(name, justify="right" if name else "left")
    for name, values in results.items():
        table.add_row(name, *(f"{values[column]:.4f}" for column in columns))
    console.print(table)
    files.write_json(settings.runs / "metrics.json", results)
    for name in rivals:
        if not results["model"][columns[0]] > results[name][columns[0]]:
            raise RuntimeError(
                f"the model doesn't beat {name} by {columns[0]} on the test part, so it isn't "
                "saved: tune longer (`--trials`), train longer (`--epochs`), or check the data"
            )
    with files.replace_file(settings.runs / "model.keras") as part:
        model.save(part, save_format="keras")


def trained(settings: Settings) -> Any:
    """Returns what `train` has saved."""
    path = settings.runs / "model.keras"
    if not path.exists():
        raise RuntimeError(f"there is no {path}: run `train` first")
    return tf.keras.models.load_model(path)


def titles(frames: data.Frames) -> dict[str, Any] | None:
    """Returns the item fields that answers should hold."""
    return {"title": report.item_titles(frames)} if frames.schema.title else None


def manifest_facts(settings: Settings) -> dict[str, Any]:
    """Returns what an export's manifest should say about the run."""
    return {
        "metrics": files.read_json(settings.runs / "metrics.json"),
        "hparams": files.read_json(settings.runs / "hparams.json"),
        "source": dataclasses.asdict(settings.source),
    }


# 4. The report.


def summarize(
    settings: Settings, title: str, objective: str, manifest: Mapping[str, Any] | None = None
) -> report.RunSummary:
    """Returns what is known of a run, from the files that its steps have written.

    Args:
        settings: Of a run of which `train` has written evaluation.json.
        title: What the run is about.
        objective: What the search was for.
        manifest: Of the published version, where there is one.
    """
    found = files.read_json(settings.runs / "evaluation.json") or {}
    manifest, source = manifest or {}, settings.source
    synthetic = ["The data are made up, with planted preferences."] * (source.name == "synthetic")
    return report.RunSummary(
        **found,
        title=f"{title}: {source.name}, {source.split} split",
        history=training.read_history(settings.runs / "train"),
        trials=files.read_json(settings.runs / "trials.json") or (),
        objective=objective,
        hyperparameters=files.read_json(settings.runs / "hparams.json") or {},
        index=manifest.get("index", {}),
        versions=manifest.get("versions") or {n: importlib.metadata.version(n) for n in _PACKAGES},
        seed=settings.seed,
        fingerprint=manifest.get("fingerprint", ""),
        limits=[*synthetic, *LIMITS],
    )


def write_report(settings: Settings, summary: report.RunSummary) -> None:
    """Writes report.html."""
    path = report.write_report(settings.runs / "report.html", summary)
    console.print(Text(f"report: {path}"))


# 5. The query.


def ask(settings: Settings, signature: str, candidates: Sequence[str] = (), **inputs: Any) -> None:
    """Asks the newest version in a fresh process without this package, and shows the answer.

    Args:
        settings: Of the run; `user` is whom for, else the first user.
        signature: Of the version.
        candidates: Item ids, where the signature takes them.
        **inputs: The others.
    """
    version = serving.latest_version(settings.base)
    if version is None:
        raise RuntimeError(f"there is no version in {settings.base}: run `export` first")
    manifest = serving.read_manifest(version)
    user_id, item_id = manifest["user_id"], manifest["item_id"]
    takes = manifest["signatures"][signature]["inputs"]
    user = settings.user or str(settings.frames.users[settings.frames.schema.user_id].iloc[0])
    request = {user_id: [_as_id(user, takes[user_id])], **inputs}
    if candidates:
        request[item_id] = [[_as_id(item, takes[item_id]) for item in candidates]]
    answer = serving.query_fresh(version, request, signature)
    table = Table(title=Text(f"{version.name}: for {user_id} {user}"), title_justify="left")
    names = [item_id, *({"title"} & set(answer)), "score"]
    for name in ["rank", *names]:
        table.add_column(name, justify="left" if name == "title" else "right")
    rows = zip(*(answer[name][0] for name in names), strict=True)
    for rank, (*cells, score) in enumerate(rows, start=1):
        # A title is text: as a string, what looks like rich's markup would vanish or fail.
        table.add_row(str(rank), *(Text(str(cell)) for cell in cells), f"{score:.3f}")
    console.print(table)


def _as_id(text: str, tensor: Mapping[str, Any]) -> Any:
    return int(text) if tensor["dtype"].startswith("int") else text
