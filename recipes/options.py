"""The options that recipes share, as typer reads them."""

import pathlib
from typing import Annotated

import typer

from recipes.source import DATA, SPLITS

Option = typer.Option
Data = Annotated[str, Option("--data", help=f"One of {', '.join(DATA)}.")]
Path = Annotated[str | None, Option(help="MovieLens' folder or archive.")]
Interactions = Annotated[str | None, Option(help="Your CSV or Parquet file.")]
Users = Annotated[str | None, Option(help="Your users, CSV or Parquet.")]
Items = Annotated[str | None, Option(help="Your items, CSV or Parquet.")]
Schema = Annotated[str | None, Option(help="JSON: data.Schema's arguments.")]
Split = Annotated[str, Option(help=f"One of {', '.join(SPLITS)}.")]
Runs = Annotated[pathlib.Path | None, Option(help="Folder for results.")]
Base = Annotated[pathlib.Path | None, Option(help="Folder of versions.")]
Trials = Annotated[int, Option(help="Trials of the search.")]
Budget = Annotated[float | None, Option(help="Minutes for the search.")]
Epochs = Annotated[int, Option(help="At most so many epochs.")]
Patience = Annotated[int, Option(help="Epochs without gain before the end.")]
User = Annotated[str | None, Option(help="Whom `query` is for; by default the first user.")]
K = Annotated[int, Option("-k", help="How many items `query` shows.")]
Seed = Annotated[int, Option(help="Of the data's order and of the initial weights.")]
Smoke = Annotated[bool, Option(help="All of it small, in a minute.")]
