"""Serves models over HTTP: `python -m tfrs_ext.serving.rest movies=saved_models/retrieval`."""

import argparse
import contextlib
import dataclasses
import logging
import pathlib
import re
import socket
import sys
from collections.abc import Sequence
from typing import NoReturn

from tfrs_ext.serving.rest.app import create_app
from tfrs_ext.serving.rest.endpoints import NAME
from tfrs_ext.serving.rest.limits import Limits

_NAME = re.compile(NAME)
_LABEL = re.compile(rf"(?P<name>{NAME}):(?P<label>{NAME})=(?P<version>0|[1-9][0-9]{{0,17}})")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Ends the process with one line."""
        print(f"error: {message}", file=sys.stderr)
        sys.exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the server until it is stopped; requests under way are answered first."""
    limits = Limits()
    parser = _Parser(prog="python -m tfrs_ext.serving.rest", description=__doc__)
    parser.add_argument("models", nargs="+", metavar="NAME=FOLDER", help="folders of versions")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--versions", type=int, default=1, help="how many answer at a time")
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME:LABEL=VERSION",
        help="a version that answers at /v1/models/NAME/labels/LABEL; may be repeated",
    )
    parser.add_argument(
        "--poll-seconds", type=float, default=1.0, help="between looks for versions"
    )
    parser.add_argument("--max-body", type=int, default=limits.body_bytes, help="bytes")
    parser.add_argument("--max-rows", type=int, default=limits.rows, help="rows of a request")
    parser.add_argument("--max-values", type=int, default=limits.values, help="of one input")
    parser.add_argument("--max-k", type=int, default=limits.k, help="results to a row")
    parser.add_argument("--max-in-flight", type=int, default=limits.in_flight, help="predictions")
    parser.add_argument("--answer-seconds", type=float, default=limits.answer_seconds)
    parser.add_argument("--answer-log", metavar="FOLDER", help="log answers as JSON lines there")
    parser.add_argument(
        "--max-batch-size",
        type=int,
        metavar="ROWS",
        help="join waiting requests to runs of so many rows; by default, each runs by itself",
    )
    options = parser.parse_args(arguments)
    try:
        limits = dataclasses.replace(
            limits,
            body_bytes=options.max_body,
            rows=options.max_rows,
            values=options.max_values,
            k=options.max_k,
            in_flight=options.max_in_flight,
            answer_seconds=options.answer_seconds,
        )
        app = create_app(
            _parse_models(options.models),
            num_versions=options.versions,
            poll_seconds=options.poll_seconds,
            limits=limits,
            answer_log=options.answer_log,
            labels=_parse_labels(options.label),
            max_batch_size=options.max_batch_size,
        )
        try:
            from tfrs_ext.serving.rest.connections import make_server
        except ModuleNotFoundError as error:
            raise ImportError(
                f"the server needs {error.name}, which is missing: install it with "
                '`pip install "tfrs-ext[serve]"`'
            ) from error

        # Before the models are loaded, which takes long.
        listening = _bind(options.host, options.port)
    except (ImportError, ValueError) as error:
        parser.error(str(error))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    server = make_server(app, limits)
    server.run(sockets=[listening])
    if not server.started:
        sys.exit(1)


def _parse_models(pairs: Sequence[str]) -> dict[str, str]:
    models: dict[str, str] = {}
    for pair in pairs:
        name, _, folder = pair.partition("=")
        if not _NAME.fullmatch(name) or not pathlib.Path(folder or "\0").is_dir():
            raise ValueError(
                "models are NAME=FOLDER, a name of letters, digits, '_', '.' and '-' with a folder "
                f"that exists, received {pair}"
            )
        if name in models:
            raise ValueError(f"each model has one folder, received two for {name}")
        models[name] = folder
    return models


def _parse_labels(options: Sequence[str]) -> dict[str, dict[str, int]]:
    labels: dict[str, dict[str, int]] = {}
    for option in options:
        match = _LABEL.fullmatch(option)
        if match is None:
            raise ValueError(
                "`--label` is NAME:LABEL=VERSION, as in movies:stable=3, with a label of letters, "
                f"digits, '_', '.' and '-', received {option}"
            )
        of_model = labels.setdefault(match["name"], {})
        if match["label"] in of_model:
            raise ValueError(f"each label has one version, received two for {match['label']}")
        of_model[match["label"]] = int(match["version"])
    return labels


def _bind(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise ValueError(f"`--port` must be from 0 to 65535, received {port}")
    with contextlib.ExitStack() as failed:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listening = failed.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
        except OSError as error:
            raise ValueError(f"can't listen at {host}, port {port}: {error.strerror}") from error
        failed.pop_all()
    return listening


if __name__ == "__main__":
    main()
