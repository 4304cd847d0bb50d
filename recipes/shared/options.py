"""The options that all recipes have in common, as a command line gives them."""

import functools
import inspect
import logging
import math
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from typer import Option

from .console import one_line_errors
from .source import DATA, SPLITS, DataSource


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
        list[str] | None,
        Option(help="COLUMN=KIND of the moment, such as hour=numeric; repeatable."),
    ] = None,
    split: Annotated[str, Option(help=f"One of {', '.join(SPLITS)}.")] = "global-time",
    held_out: Annotated[float, Option(help="Share of the rows to choose by, and to test.")] = 0.1,
    runs: Annotated[pathlib.Path | None, Option(help="Folder for results.")] = None,
    base: Annotated[pathlib.Path | None, Option(help="Folder of versions.")] = None,
    trials: Annotated[int | None, Option(min=1, help="Trials of the search; else 3.")] = None,
    budget: Annotated[float | None, Option(min=0.01, help="Minutes for the search.")] = None,
    trial_epochs: Annotated[
        int | None, Option(min=1, help="At most so many epochs of a trial; else 3.")
    ] = None,
    epochs: Annotated[
        int | None, Option(min=1, help="At most so many epochs of the training; else 20.")
    ] = None,
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
    name = data if interactions is None else name_data(interactions)
    tables = (path, interactions, users, items, schema)
    return {
        "source": DataSource(
            name,
            *tables,
            columns,
            read_numbers("event-weight", event_weight or (), "buy=5"),
            split,
            held_out,
            smoke,
        ),
        "runs": runs,
        "base": base,
        **choose_size(smoke, trials=trials, trial_epochs=trial_epochs, epochs=epochs),
        "budget": budget,
        "patience": patience,
        "user": user,
        "k": k,
        "out": out,
        "requests": requests,
        "seed": seed,
        "fresh": fresh,
    }


def choose_size(smoke: bool, **given: int | None) -> dict[str, int]:
    """Returns what was given, and what is usual for the rest: little of it in a smoke test."""
    usual = (1, 1, 4) if smoke else (3, 3, 20)
    names = ("trials", "trial_epochs", "epochs")
    return {n: given[n] or size for n, size in zip(names, usual, strict=True)}


def _pair(text: str) -> tuple[str, str]:
    column, _, kind = text.rpartition("=")
    if not column:
        raise ValueError(f"a feature must be COLUMN=KIND, such as age=numeric, received {text!r}")
    return column, kind


def read_numbers(option: str, pairs: Sequence[str], example: str) -> dict[str, float]:
    """Returns the numbers by name that a repeatable option gives as NAME=NUMBER.

    Args:
        option: What the option is called.
        pairs: What was given.
        example: What an error shows.
    """
    try:
        return {name: float(number) for name, number in map(_pair, pairs)}
    except ValueError as error:
        raise ValueError(
            f"`--{option}` must be NAME=NUMBER, such as {example}, received {list(pairs)}"
        ) from error


def _check_numbers(values: Mapping[str, Any]) -> None:
    # Not a number is neither below the least nor above the most, so that it passes these checks.
    for name, value in values.items():
        if isinstance(value, float) and math.isnan(value):
            raise ValueError(f"`--{name.replace('_', '-')}` must be a number, received nan")


def name_data(interactions: str) -> str:
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
            _check_numbers(values)
            run = _options(**{name: values.pop(name) for name in common})
            command(**values, **run)

    parameters = [*named, *common.values()]
    whole.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    whole.__annotations__ = {p.name: p.annotation for p in parameters}
    return whole
