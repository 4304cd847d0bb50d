"""What a file of interactions holds, and the command that uses it."""

import shlex

from rich.table import Table
from rich.text import Text

from tfrs_ext import data

from . import hints
from .console import console
from .program import program_of


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
    words = [*shlex.split(program_of(module)), "all", "--interactions", path]
    say = "run" if found.is_loadable else "once that is mended, run"
    console.print(Text(f"{say}: {shlex.join([*words, *found.options()])}"), soft_wrap=True)
