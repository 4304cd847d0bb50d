"""The command `tfrs-ext`: recipes, a server and published versions, from any folder."""

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence

from tfrs_ext._version import __version__

_EXTRAS = {"typer": "recipes", "rich": "recipes", "uvicorn": "serve"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a subcommand.

    Args:
        arguments: The command line; None takes that of the process.

    Example:
        >>> main(["--version"])
        Traceback (most recent call last):
        SystemExit: 0
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="tfrs-ext",
        description=__doc__,
        epilog="commands:\n" + "\n".join(f"  {n:<13} {run.__doc__}" for n, run in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    command = parser.parse_args(words[:1]).command
    try:
        COMMANDS[command](words[1:])
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        extra = _EXTRAS[error.name]
        parser.exit(1, f'`{command}` needs {error.name}: `pip install "tfrs-ext[{extra}]"`\n')


def _run_recipe(name: str, arguments: Sequence[str]) -> None:
    # The wheel holds the recipes inside of the package, a checkout beside it.
    inside = importlib.util.find_spec("tfrs_ext.recipes") is not None
    recipe = importlib.import_module(f"tfrs_ext.recipes.{name}" if inside else f"recipes.{name}")
    recipe.app(args=list(arguments), prog_name=f"tfrs-ext {name.replace('_', '-')}")


def _retrieval(arguments: Sequence[str]) -> None:
    """Tunes, trains, exports and queries a retriever."""
    _run_recipe("retrieval", arguments)


def _ranking(arguments: Sequence[str]) -> None:
    """Tunes, trains, exports and queries a model that ranks."""
    _run_recipe("ranking", arguments)


def _pretraining(arguments: Sequence[str]) -> None:
    """Tunes, trains, exports and queries a retriever in two stages of learning."""
    _run_recipe("pretraining", arguments)


def _two_stage(arguments: Sequence[str]) -> None:
    """Tunes, trains, exports and queries a retriever and a ranker as one."""
    _run_recipe("two_stage", arguments)


def _text_search(arguments: Sequence[str]) -> None:
    """Tunes, trains, exports and queries a search of titles that forgives typos."""
    _run_recipe("text_search", arguments)


def _notifications(arguments: Sequence[str]) -> None:
    """Tunes, trains, exports and queries a bandit for recurring notifications."""
    _run_recipe("notifications", arguments)


def _serve(arguments: Sequence[str]) -> None:
    """Serves published versions over HTTP."""
    importlib.import_module("tfrs_ext.serving.rest.__main__").main(arguments)


def _query(arguments: Sequence[str]) -> None:
    """Asks a published version for recommendations."""
    importlib.import_module("tfrs_ext.serving.query").main(arguments)


def _versions(arguments: Sequence[str]) -> None:
    """Lists, withdraws or removes published versions."""
    parser = argparse.ArgumentParser(prog="tfrs-ext versions", description=_versions.__doc__)
    parser.add_argument("action", choices=("list", "rollback", "prune"))
    parser.add_argument("folder", help="the folder of versions")
    parser.add_argument("--keep", type=int, default=3, help="how many versions `prune` leaves")
    options = parser.parse_args(arguments)
    from tfrs_ext import serving

    try:
        if options.action == "list":
            print(*serving.list_versions(options.folder), sep="\n")
        elif options.action == "rollback":
            print(f"now served: {serving.rollback(options.folder)}")
        else:
            print(f"removed: {serving.prune(options.folder, options.keep)}")
    except ValueError as error:
        parser.error(str(error))


COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "retrieval": _retrieval,
    "ranking": _ranking,
    "pretraining": _pretraining,
    "two-stage": _two_stage,
    "text-search": _text_search,
    "notifications": _notifications,
    "serve": _serve,
    "query": _query,
    "versions": _versions,
}

if __name__ == "__main__":
    main()
