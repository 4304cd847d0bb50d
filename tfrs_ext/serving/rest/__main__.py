"""Serves models over HTTP: `python -m tfrs_ext.serving.rest movies=saved_models/retrieval`."""

import argparse
import logging
import pathlib
from collections.abc import Sequence

from tfrs_ext.serving.rest.app import create_app
from tfrs_ext.serving.rest.limits import Limits


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the server until it is stopped; requests under way are answered first."""
    limits = Limits()
    parser = argparse.ArgumentParser(prog="python -m tfrs_ext.serving.rest", description=__doc__)
    parser.add_argument("models", nargs="+", metavar="NAME=FOLDER", help="folders of versions")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--versions", type=int, default=1, help="how many answer at a time")
    parser.add_argument(
        "--poll-seconds", type=float, default=1.0, help="between looks for versions"
    )
    parser.add_argument("--max-body", type=int, default=limits.body_bytes, help="bytes")
    parser.add_argument("--max-batch", type=int, default=limits.batch, help="rows of a request")
    parser.add_argument("--max-k", type=int, default=limits.k, help="results to a row")
    options = parser.parse_args(arguments)
    models = {}
    for pair in options.models:
        name, _, folder = pair.partition("=")
        if not name or not pathlib.Path(folder or "\0").is_dir() or set(name) & set("/:"):
            parser.error(f"models are NAME=FOLDER with a folder that exists, received {pair}")
        models[name] = folder
    try:
        import uvicorn

        app = create_app(
            models,
            num_versions=options.versions,
            poll_seconds=options.poll_seconds,
            limits=Limits(options.max_body, options.max_batch, options.max_k),
        )
    except (ImportError, ValueError) as error:
        parser.error(str(error))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    uvicorn.run(app, host=options.host, port=options.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
