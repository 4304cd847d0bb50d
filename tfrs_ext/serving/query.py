"""Asks a version for recommendations: `python -m tfrs_ext.serving.query models/NAME --user 42`."""

import argparse
import pathlib
from collections.abc import Sequence
from typing import Any

from tfrs_ext.serving.publishing.manifest import read_manifest
from tfrs_ext.serving.publishing.versions import latest_version
from tfrs_ext.serving.verification.fresh_process import query_fresh


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints what a bundle, loaded in a fresh process, recommends to users."""
    parser = argparse.ArgumentParser(prog="python -m tfrs_ext.serving.query", description=__doc__)
    parser.add_argument("path", type=pathlib.Path, help="a version's folder, or that of versions")
    parser.add_argument("--user", action="append", required=True, help="a user id; repeatable")
    options = parser.parse_args(arguments)
    path = latest_version(options.path) or options.path
    try:
        signature = read_manifest(path)["signatures"]["serving_default"]
    except FileNotFoundError as error:
        parser.error(str(error))
    inputs = signature["inputs"]
    if len(inputs) != 1:
        parser.error(f"{path} answers query features, {sorted(inputs)}, not user ids.")
    ((name, facts),) = inputs.items()
    try:
        users: list[Any] = [
            user if facts["dtype"] == "string" else int(user) for user in options.user
        ]
    except ValueError:
        parser.error(f"--user must be an integer, received {options.user}.")
    answer = query_fresh(path, {name: users})
    columns = list(signature["outputs"])
    for row, user in enumerate(users):
        print(f"{name} {user}: {' | '.join(columns)}")
        for values in zip(*(answer[column][row] for column in columns), strict=True):
            print("  " + " | ".join(_show(value) for value in values))


def _show(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
