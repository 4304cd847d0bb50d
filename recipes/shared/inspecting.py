"""What a file of interactions holds, and the command that uses it."""

import shlex
import sys

from rich.table import Table
from rich.text import Text

from tfrs_ext import data

from . import hints
from .console import console


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
