"""Lines for people, and the one line that says why a command can't go on."""

import contextlib
from collections.abc import Iterator

import typer
from rich.console import Console
from rich.text import Text

console = Console()


def say(line: str) -> None:
    """Prints a line for people as it is: no markup, no colours, no breaks in paths."""
    console.print(Text(line), soft_wrap=True)


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
