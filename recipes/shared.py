"""What the recipes share: the data, the options, the folders, and how a step is run."""

import contextlib
import copy
import dataclasses
import datetime
import enum
import functools
import importlib.metadata
import inspect
import json
import logging
import math
import pathlib
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import pandas as pd
import tensorflow as tf
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer import Argument, Option

import tfrs_ext
from tfrs_ext import data, files, report, serving, training, tuning

from . import hints

console = Console()

SPLITS: dict[str, Callable[..., data.Split]] = {
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
_FEW = 100
_WRITTEN = ("source.json", "tuner", "trials.json", "hparams.json", "train", "logs")
_WRITTEN += (
    "trained.json",
    "model.keras",
    "results.npz",
    "evaluation.json",
    "metrics.json",
    "report.html",
    "retriever",
)
_PACKAGES = ("tensorflow", "tf-keras", "tensorflow-recommenders")


class Step(str, enum.Enum):
    """What to run."""

    TUNE = "tune"
    TRAIN = "train"
    EXPORT = "export"
    QUERY = "query"
    ALL = "all"
    RECOMMEND = "recommend"
    INSPECT = "inspect"


def _parse_step(word: str) -> Step:
    known = [step.value for step in Step]
    if word not in known:
        raise typer.BadParameter(
            f"{word!r} is none of {', '.join(known)}{hints.near(word, known)} For example: "
            "python -m recipes.retrieval all --smoke"
        )
    return Step(word)


StepArgument = Annotated[
    Step,
    Argument(
        parser=_parse_step,
        metavar="{" + "|".join(step.value for step in Step) + "}",
        help="One step, `all` four, or `inspect`, which says what a file of your own holds.",
    ),
]
EXIT_CODES = (
    "Exit codes: 0, done; 1, it can't go on, and one line says why; 2, the command line is wrong; "
    "130, stopped by Ctrl-C, and the same command goes on."
)


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
        columns: Arguments of `data.Schema` that come before those of the file.
        event_weights: What a row weighs by the name of its event; empty for rows that weigh alike.
        split: One of `SPLITS`.
        held_out: The shares of the rows that validation and test get, each.
        smoke: Whether everything is small enough to be over in a minute.
    """

    name: str = "synthetic"
    path: str | None = None
    interactions: str | None = None
    users: str | None = None
    items: str | None = None
    schema: str | None = None
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    event_weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    split: str = "global-time"
    held_out: float = 0.1
    smoke: bool = False

    def __post_init__(self) -> None:
        hints.check_choice("split", self.split, SPLITS)
        own = {"users": self.users, "items": self.items, "schema": self.schema, **self.columns}
        given = [name for name, value in own.items() if value is not None]
        if self.interactions is None and given:
            raise ValueError(f"`interactions` must be given with {', '.join(given)}: it is a file")
        if self.interactions is None:
            hints.check_choice("data", self.name, DATA)

    @property
    def label(self) -> str | None:
        """The column with labels, which the ranking recipe reads."""
        return self._schema_config().get("label")

    @property
    def event(self) -> str | None:
        """The column with names of events."""
        return self._schema_config().get("event")

    def load(self) -> data.Frames:
        """Returns the checked frames, without labels."""
        for option in ("path", "interactions", "users", "items", "schema"):
            hints.check_file(option, getattr(self, option))
        if self.interactions is not None:
            schema = data.Schema.from_config({**self._schema_config(), "label": None})
            frames = data.load_frames(self.interactions, self.users, self.items, schema)
            return data.weigh_events(frames, self.event_weights) if self.event_weights else frames
        if self.name in MOVIELENS:
            return data.load_movielens(MOVIELENS[self.name], self.path)
        return _synthetic(self.smoke)[0]

    def truth(self) -> data.Truth | None:
        """Returns what made-up data were drawn from; None where the data are somebody's."""
        return _synthetic(self.smoke)[1] if self.name == "synthetic" else None

    def split_frames(self, frames: data.Frames) -> data.Split:
        """Returns the parts to train on, to choose by and to report on."""
        if self.split == "leave-one-out":
            return data.leave_one_out(frames)
        return SPLITS[self.split](frames, self.held_out, self.held_out)

    def _schema_config(self) -> dict[str, Any]:
        config = read_mapping(pathlib.Path(self.schema)) if self.schema else {}
        known = [field.name for field in dataclasses.fields(data.Schema)]
        for name in config:
            if name not in known:
                raise ValueError(
                    f"{self.schema} must hold arguments of `data.Schema`, received {name!r}"
                    f"{hints.near(name, known)} Known are {', '.join(known)}; for example "
                    '{"user_id": "customer", "item_features": {"price": "numeric"}}'
                )
        return {**config, **self.columns}


@functools.cache
def _synthetic(smoke: bool) -> tuple[data.Frames, data.Truth]:
    if smoke:
        return data.synthetic(num_users=600, num_items=200, interactions_per_user=25)
    return data.synthetic()


def read_mapping(path: pathlib.Path) -> dict[str, Any]:
    """Returns what a JSON file holds by name, or nothing where there is no such file."""
    found = files.read_json(path)
    if not isinstance(found or {}, dict):
        raise ValueError(f"{path} must hold names with values, received {found!r}: delete it")
    return found or {}


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
        trial_epochs: The most epochs of a trial.
        epochs: The most epochs of a training.
        patience: Epochs without gain before a training ends.
        user: Whom `query` is for, or None.
        k: How many items `query` shows, or `recommend` writes.
        out: Folder for what `recommend` writes, or None.
        requests: Parquet or CSV file of whom `recommend` is for, or None for everybody.
        seed: The seed of the data's order and of the initial weights.
        fresh: Whether what `runs` holds is removed first.
    """

    source: DataSource
    runs: pathlib.Path
    base: pathlib.Path
    trials: int
    budget: float | None
    trial_epochs: int
    epochs: int
    patience: int
    user: str | None
    k: int
    out: pathlib.Path | None
    requests: pathlib.Path | None
    seed: int
    fresh: bool

    @classmethod
    def of(cls, recipe: str, source: DataSource, variant: str = "", **values: Any) -> Any:
        """Fills in the folders, one for each kind of data, and makes a smoke test small."""
        smoke = "smoke" if source.smoke else ""
        label = "-".join(filter(None, (source.name, source.split, variant, smoke)))
        base = "-".join(filter(None, (recipe, source.name, smoke)))
        values["runs"] = values["runs"] or pathlib.Path("runs", recipe, label)
        values["base"] = values["base"] or pathlib.Path("saved_models", base)
        if source.smoke:
            few = min(values["epochs"], 6)
            values.update(trials=2, epochs=few, trial_epochs=min(values["trial_epochs"], few))
        return cls(source=source, **values)

    def within(self, folder: str) -> Any:
        """Returns the same settings for one part of a run, with a folder of its own in `runs`."""
        part = copy.copy(self)  # With the data, where they are loaded.
        object.__setattr__(part, "runs", self.runs / folder)
        return part

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
    interactions: Annotated[
        str | None,
        Option(
            help="Your file: CSV, Parquet, JSON Lines, RecBole's, …; `inspect` says what it holds."
        ),
    ] = None,
    users: Annotated[str | None, Option(help="Your table of users, in the same forms.")] = None,
    items: Annotated[str | None, Option(help="Your table of items, in the same forms.")] = None,
    schema: Annotated[str | None, Option(help="JSON: data.Schema's arguments.")] = None,
    user_id: Annotated[str | None, Option(help="Column of the users' ids.")] = None,
    item_id: Annotated[str | None, Option(help="Column of the items' ids.")] = None,
    timestamp: Annotated[str | None, Option(help="Column of the times.")] = None,
    no_timestamp: Annotated[bool, Option(help="The order of rows is all that is known.")] = False,
    weight: Annotated[str | None, Option(help="Column of the rows' weights.")] = None,
    label: Annotated[str | None, Option(help="Column of labels, for the ranking.")] = None,
    event: Annotated[str | None, Option(help="Column of the events' names: view, buy.")] = None,
    event_weight: Annotated[
        list[str] | None, Option(help="EVENT=NUMBER that its rows weigh, 0 for none; repeatable.")
    ] = None,
    impressions: Annotated[
        str | None, Option(help="Column with lists of what else was shown, for the ranking.")
    ] = None,
    title: Annotated[str | None, Option(help="Column of the items' titles.")] = None,
    user_feature: Annotated[
        list[str] | None, Option(help="COLUMN=KIND of the users, such as age=numeric; repeatable.")
    ] = None,
    item_feature: Annotated[
        list[str] | None, Option(help="COLUMN=KIND of the items; repeatable.")
    ] = None,
    context_feature: Annotated[
        list[str] | None, Option(help="COLUMN=KIND of the rows, for the ranking; repeatable.")
    ] = None,
    split: Annotated[str, Option(help=f"One of {', '.join(SPLITS)}.")] = "global-time",
    held_out: Annotated[float, Option(help="Share of the rows to choose by, and to test.")] = 0.1,
    runs: Annotated[pathlib.Path | None, Option(help="Folder for results.")] = None,
    base: Annotated[pathlib.Path | None, Option(help="Folder of versions.")] = None,
    trials: Annotated[int, Option(min=1, help="Trials of the search.")] = 3,
    budget: Annotated[float | None, Option(min=0.01, help="Minutes for the search.")] = None,
    trial_epochs: Annotated[int, Option(min=1, help="At most so many epochs of a trial.")] = 3,
    epochs: Annotated[int, Option(min=1, help="At most so many epochs of the training.")] = 20,
    patience: Annotated[int, Option(min=0, help="Epochs without gain before the end.")] = 2,
    user: Annotated[str | None, Option(help="Whom `query` is for; else the first user.")] = None,
    k: Annotated[int, Option("-k", min=1, help="How many items of each user.")] = 10,
    out: Annotated[pathlib.Path | None, Option(help="Folder for `recommend`.")] = None,
    requests: Annotated[
        pathlib.Path | None, Option(help="Parquet or CSV of whom `recommend` is for; else all.")
    ] = None,
    seed: Annotated[int, Option(min=0, help="Of the data's order and the initial weights.")] = 1,
    fresh: Annotated[bool, Option(help="Remove what the folder of results holds first.")] = False,
    smoke: Annotated[bool, Option(help="All of it small, in half a minute.")] = False,
    verbose: Annotated[
        bool, Option("--verbose", "-v", help="Show what TensorFlow says of itself.")
    ] = False,
) -> dict[str, Any]:
    if not verbose:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    own = {"user_id": user_id, "item_id": item_id, "timestamp": timestamp, "weight": weight}
    own |= {"label": label, "title": title, "event": event, "impressions": impressions}
    columns: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    if no_timestamp:
        columns["timestamp"] = None
    for name, pairs in (
        ("user_features", user_feature),
        ("item_features", item_feature),
        ("context_features", context_feature),
    ):
        if pairs:
            columns[name] = dict(_pair(pair) for pair in pairs)
    name = data if interactions is None else _name_of(interactions)
    tables = (path, interactions, users, items, schema)
    return {
        "source": DataSource(
            name, *tables, columns, _weights(event_weight or ()), split, held_out, smoke
        ),
        "runs": runs,
        "base": base,
        "trials": trials,
        "budget": budget,
        "trial_epochs": trial_epochs,
        "epochs": epochs,
        "patience": patience,
        "user": user,
        "k": k,
        "out": out,
        "requests": requests,
        "seed": seed,
        "fresh": fresh,
    }


def _pair(text: str) -> tuple[str, str]:
    column, _, kind = text.rpartition("=")
    if not column:
        raise ValueError(f"a feature must be COLUMN=KIND, such as age=numeric, received {text!r}")
    return column, kind


def _weights(pairs: Sequence[str]) -> dict[str, float]:
    try:
        return {name: float(weight) for name, weight in map(_pair, pairs)}
    except ValueError as error:
        raise ValueError(
            f"`--event-weight` must be EVENT=NUMBER, such as buy=5: {error}"
        ) from error


def _name_of(interactions: str) -> str:
    """Returns what a file's results are called; never the name of data that are brought along."""
    stem = pathlib.Path(interactions).name.split(".")[0] or "files"
    return f"own-{stem}" if stem in DATA else stem


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the shared options to a command, which takes them as `**run`, as `Settings.of` does."""
    own = inspect.signature(command, eval_str=True)
    common = inspect.signature(_options, eval_str=True).parameters
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]

    @functools.wraps(command)
    def whole(**values: Any) -> None:
        with one_line_errors():
            run = _options(**{name: values.pop(name) for name in common})
            command(**values, **run)

    parameters = [*named, *common.values()]
    whole.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    whole.__annotations__ = {p.name: p.annotation for p in parameters}
    return whole


# 3. The steps.


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends with one line where the block can't go on."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        console.print(Text(f"{type(error).__name__}: ", "red") + Text(str(error)))
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        raise typer.Exit(130) from None


def run_steps(settings: Settings, step: Step, steps: Sequence[Callable[[Any], None]]) -> None:
    """Runs the steps, one process at a time in a folder of results."""
    if step is Step.INSPECT:
        show_file(steps[0].__module__, settings.source.interactions)
        return
    if step is Step.RECOMMEND:
        recommend(settings)
        return
    chosen = [f for f in steps if step in (Step.ALL, Step(f.__name__))]
    with contextlib.ExitStack() as stack:
        if step is not Step.QUERY:  # Which reads the published version alone.
            check_data(settings)  # Before anything is written.
            stack.enter_context(files.hold_folder(settings.runs))
            _begin(settings)
        for function in chosen:
            announce(function)
            function(settings)
    show_next(settings.runs, settings.base, chosen[-1], steps)


def say(line: str) -> None:
    """Prints a line for people as it is: no markup, no colours, no breaks in paths."""
    console.print(Text(line), soft_wrap=True)


def announce(step: Callable[[Any], None]) -> None:
    """Says that a step begins, and what it does."""
    console.rule(step.__name__)
    say((step.__doc__ or step.__name__).splitlines()[0])


def show_next(
    runs: pathlib.Path,
    base: pathlib.Path,
    last: Callable[[Any], None],
    steps: Sequence[Callable[[Any], None]],
) -> None:
    """Says what to do after a step; after the last one, where all is and what people want next."""
    program = program_of(last.__module__)
    if last is not steps[-1]:
        say(f"next: {program} {steps[steps.index(last) + 1].__name__}, with the same options")
        return
    version = serving.latest_version(base)
    found = {"report": runs / "report.html"}
    if version is not None:
        found |= {"model card": version / "assets.extra" / "model_card.md", "bundle": version}
    console.rule("done")
    for name, path in found.items():
        if path.exists():
            say(f"{name + ':':<12}{path}")
    say(f"next, your own data:    {program} inspect --interactions FILE")
    say(f"next, serve over HTTP:  python -m tfrs_ext.serving.rest {base.name}={base}")
    say(f"next, ask for a user:   {program} query --base {base} --user ID")


def program_of(module: str) -> str:
    """Returns how a recipe is called; one that is run by its name is `__main__`."""
    spec = sys.modules[module].__spec__
    return f"python -m {spec.name if module == '__main__' and spec else module}"


def show_file(module: str, path: str | None) -> None:
    """Shows what a file of interactions holds, and the command that uses it."""
    if path is None:
        raise ValueError("`inspect` needs `--interactions FILE`")
    hints.check_file("interactions", path)
    found = data.inspect_interactions(path)
    table = Table(title=Text(path), title_justify="left")
    table.add_column("column")
    table.add_column("cells")
    for name, words in found.columns.items():
        table.add_row(Text(name), Text(words))
    console.print(table)
    console.print(Text(", ".join(f"{name} {value}" for name, value in found.facts.items())))
    for problem in found.problems:
        console.print(Text(problem))
    words = [*program_of(module).split(), "all", "--interactions", path]
    say = "run" if found.is_loadable else "once that is mended, run"
    console.print(Text(f"{say}: {shlex.join([*words, *found.options()])}"), soft_wrap=True)


def check_data(settings: Settings) -> None:
    """Refuses data that would fail later, and warns of those that are too few to say anything."""
    frames, split = settings.frames, settings.split
    for table in (frames.users, frames.items):
        if len(table) < 2:
            raise ValueError(f"there must be two users and two items at least, received {frames!r}")
    schema = frames.schema
    if settings.user is not None:
        _as_id(settings.user, str(frames.users[schema.user_id].dtype))
    names = [schema.user_id, schema.item_id, *schema.user_features, *schema.item_features]
    names += schema.context_features
    by_signature: dict[str, str] = {}
    for name in names:  # As an export calls them: TensorFlow takes letters, digits, underscores.
        other = by_signature.setdefault(re.sub(r"[^0-9A-Za-z_]", "_", name), name)
        if other != name:
            raise ValueError(
                f"columns must differ in letters a to z, digits and underscores, received "
                f"{other!r} and {name!r}, which an export can't tell apart: rename one"
            )
    if schema.timestamp is None:
        console.print("the data have no times: the order of the rows counts as their order in time")
    tested = len(split.test.interactions)
    if tested < _FEW:
        console.print(f"the test part has {tested} rows: figures of so few say next to nothing")


def _begin(settings: Settings) -> None:
    """Writes what a folder of results is about, and refuses to mix it with other data."""
    path = settings.runs / "source.json"
    ours = {"source": dataclasses.asdict(settings.source), "data": settings.frames.fingerprint()}
    if settings.fresh:
        for name in _WRITTEN:
            found = settings.runs / name
            shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)
    begun = read_mapping(path)
    if not begun:
        files.write_json(path, ours)
    elif begun != json.loads(json.dumps(ours)):
        what = "whose cells have changed since" if begun.get("source") == ours["source"] else ""
        raise ValueError(
            f"`--runs` must be a folder that was begun with the same data, received "
            f"{settings.runs} of {begun.get('source')} {what}: begin anew with `--fresh`, or name "
            "another folder"
        )


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
    **fit: Any,
) -> Any:
    """Trains with the tuned hyper-parameters, or the defaults, and returns the best model.

    Where what it `depends_on` has changed since, an interrupted training begins anew.
    """
    path = settings.runs / "hparams.json"
    tuned = read_mapping(path)
    if not tuned:
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
    # From here on an older model isn't what these files tell of.
    (settings.runs / "model.keras").unlink(missing_ok=True)
    files.write_json(settings.runs / "trained.json", decisive)
    training.fit_resumable(
        model,
        train(size),
        settings.runs / "train",
        monitor=hypermodel.objective.name,
        mode=hypermodel.objective.direction,
        epochs=settings.epochs,
        patience=settings.patience,
        settings=decisive,
        callbacks=[
            *callbacks,
            tf.keras.callbacks.TensorBoard(settings.runs / "logs", profile_batch=0),
        ],
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
        model.save(part)
    say(f"wrote {settings.runs / 'model.keras'}")


def trained(settings: Settings) -> Any:
    """Returns what `train` has saved."""
    path = settings.runs / "model.keras"
    if not path.exists():
        raise RuntimeError(f"there is no {path}: run `train` first")
    return tf.keras.models.load_model(path, compile=False)


def titles(frames: data.Frames) -> dict[str, Any] | None:
    """Returns the item fields that answers should hold."""
    return {"title": report.item_titles(frames)} if frames.schema.title else None


def manifest_facts(settings: Settings) -> dict[str, Any]:
    """Returns what an export's manifest should say about the run."""
    return {
        "metrics": files.read_json(settings.runs / "metrics.json"),
        "hparams": read_mapping(settings.runs / "trained.json").get("hyperparameters"),
        "source": dataclasses.asdict(settings.source),
    }


# 4. The report.


def data_facts(settings: Settings) -> dict[str, Any]:
    """Returns what a report says of the data, whatever the recipe."""
    frames, source = settings.frames, settings.source
    own = (source.interactions, source.users, source.items)
    facts: dict[str, Any] = {"data": source.name}
    if source.interactions is not None:
        facts["files"] = ", ".join(name for name in own if name is not None)
    if frames.schema.timestamp is not None:
        days = [pd.Timestamp(time, unit="s").date() for time in frames.times()[[0, -1]]]
        facts["period"] = f"{days[0]} to {days[1]}"
    schema = frames.schema
    return {
        **facts,
        "columns": ", ".join((schema.user_id, *schema.user_features))
        + "; "
        + ", ".join((schema.item_id, *schema.item_features))
        + "".join(f"; {name} of the moment" for name in schema.context_features),
        "left out": " ".join(frames.notes) or "nothing",
        "split": source.split,
        "users": len(frames.users),
        "items": len(frames.items),
        "training rows": len(settings.split.train.interactions),
        "date": datetime.date.today().isoformat(),
    }


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
    path = settings.runs / "evaluation.json"
    found = read_mapping(path)
    unknown = set(found) - {field.name for field in dataclasses.fields(report.RunSummary)}
    if unknown:
        raise ValueError(f"{path} must be as `train` writes it, received {unknown}: delete it")
    trained_with = read_mapping(settings.runs / "trained.json")
    manifest, source = manifest or {}, settings.source
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    versions["tfrs-ext"] = tfrs_ext.__version__
    synthetic = ["The data are made up, with planted preferences."] * (source.name == "synthetic")
    return report.RunSummary(
        **found,
        title=f"{title}: {source.name}, {source.split} split",
        history=training.read_history(settings.runs / "train"),
        trials=files.read_json(settings.runs / "trials.json") or (),
        objective=objective,
        hyperparameters=trained_with.get("hyperparameters", {}),
        index=manifest.get("index", {}),
        versions=manifest.get("versions") or versions,
        seed=trained_with.get("seed"),
        fingerprint=manifest.get("fingerprint", ""),
        limits=[*synthetic, *LIMITS],
    )


def write_report(settings: Settings, summary: report.RunSummary) -> None:
    """Writes report.html."""
    path = report.write_report(settings.runs / "report.html", summary)
    say(f"wrote {path}")


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
    user = settings.user or _first_user(settings, manifest)
    context = {name: [_empty(takes[name])] for name in manifest.get("context", ())}
    request = {user_id: [_as_id(user, takes[user_id]["dtype"])], **context, **inputs}
    if candidates:
        request[item_id] = [[_as_id(item, takes[item_id]["dtype"]) for item in candidates]]
    answer = serving.query_fresh(version, request, signature)
    table = Table(title=Text(f"{version.name}: for {user_id} {user}"), title_justify="left")
    names = [item_id, *(name for name in ("title", "reason") if name in answer), "score"]
    for name in ["rank", *names]:
        is_text = name in ("title", "reason")
        table.add_column(name, justify="left" if is_text else "right")
    rows = zip(*(answer[name][0] for name in names), strict=True)
    for rank, (item, *cells, score) in enumerate(rows, start=1):
        if item in (-1, ""):
            table.add_row(str(rank), *[""] * len(cells), "no item of that id is left")
            continue
        # A title is text: as a string, what looks like rich's markup would vanish or fail.
        table.add_row(str(rank), *(Text(str(cell)) for cell in (item, *cells)), f"{score:.3f}")
    console.print(table)


def recommend(settings: Settings) -> None:
    """Writes what the newest version recommends to everybody, or to a file of requests."""
    if settings.out is None:
        raise ValueError("`recommend` needs `--out FOLDER`")
    version = serving.latest_version(settings.base)
    if version is None:
        raise RuntimeError(f"there is no version in {settings.base}: run `export` first")
    users = settings.frames.users[settings.frames.schema.user_id].to_numpy()
    requests = settings.requests or {serving.read_manifest(version)["user_id"]: users}
    parts = serving.recommend_to_parquet(
        version, requests, settings.out, k=settings.k, print_fn=say
    )
    say(f"{len(parts)} parts in {settings.out}")


def _first_user(settings: Settings, manifest: Mapping[str, Any]) -> str:
    """Returns somebody to ask for, where the version is of the same data."""
    theirs = (manifest["facts"].get("source") or {}).get("name")
    if theirs != settings.source.name:
        raise ValueError(
            f"`--user` must be given, because the version was made from {theirs} and not from "
            f"{settings.source.name}"
        )
    return str(settings.frames.users[settings.frames.schema.user_id].iloc[0])


def _empty(takes: Mapping[str, Any]) -> Any:
    """Returns what an input holds where nothing is known of the moment."""
    values = {"string": "", "float32": math.nan}
    empty = values.get(takes["dtype"], -1)
    for size in reversed(takes["shape"][1:]):
        empty = [empty] * size
    return empty


def _as_id(text: str, dtype: str) -> int | str:
    if not dtype.startswith("int"):
        return text
    if not text.lstrip("-").isdecimal():
        raise ValueError(f"users and items have whole numbers as ids, received {text!r}")
    return int(text)
