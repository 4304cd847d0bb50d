"""The options that recipes share."""

import functools
import inspect
import pathlib
from collections.abc import Callable
from typing import Annotated, Any

from typer import Option

from recipes.source import DATA, SPLITS, Source


def _shared(
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
    source = Source(name, path, interactions, users, items, schema, split, smoke)
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


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the shared options to a command, which takes them as `**run`: what `Run.of` takes."""
    own = inspect.signature(command, eval_str=True)
    common = inspect.signature(_shared, eval_str=True).parameters
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]

    @functools.wraps(command)
    def whole(**values: Any) -> None:
        run = _shared(**{name: values.pop(name) for name in common})
        command(**values, **run)

    parameters = [*named, *common.values()]
    whole.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    whole.__annotations__ = {p.name: p.annotation for p in parameters}
    return whole
