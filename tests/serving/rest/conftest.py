"""A published version, and a server process over it."""

import contextlib
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

from tests.serving.conftest import make_retriever
from tfrs_ext import serving
from tfrs_ext.serving import retriever_draft
from tfrs_ext.serving.rest import Servable

ROOT = pathlib.Path(__file__).parents[3]


def publish(base, retriever, title="Titel", **changes):
    """Publishes a version whose titles tell it from others, without the check."""
    items = retriever.make_items(fields={"title": [f"{title} {i}" for i in retriever.item_ids]})
    arguments = retriever.arguments(**{"k": 6, "index": "exact", "items": items, **changes})
    with pytest.MonkeyPatch.context() as patch:
        result = serving.Verification(1, 1.0, 0.0)
        patch.setattr(retriever_draft, "verify", lambda *args, **kwargs: result)
        return serving.export(base, **arguments)


def copy(version, base):
    """Publishes the same version once more, as a sync from another machine does."""
    return serving.publish(
        base, lambda folder: shutil.copytree(version, folder, dirs_exist_ok=True)
    )


class Server:
    """`python -m tfrs_ext.serving.rest` in a process of its own."""

    def __init__(self, base, *options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "tfrs_ext.serving.rest", f"movies={base}"]
        self.log = base.parent / f"{base.name}-{self.port}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), *options],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait(lambda: self.ask("GET", "")[0] == 200)

    def wait(self, done, seconds=120):
        """Waits until `done()`."""
        end = time.monotonic() + seconds
        while True:
            try:
                if done():
                    return
            except OSError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def ask(self, method, path, body=None):
        """Returns status and decoded answer for a path after /v1/models/movies."""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            chunked = body is not None and not isinstance(body, bytes)
            connection.request(method, "/v1/models/movies" + path, body, encode_chunked=chunked)
            with connection.getresponse() as answer:
                return answer.status, json.loads(answer.read())

    def head(self, path):
        """Returns status and body of a HEAD request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("HEAD", "/v1/models/movies" + path)
            with connection.getresponse() as answer:
                return answer.status, answer.read()

    def megabytes(self):
        """What the process holds in memory."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self):
        """Ends the process as a supervisor does, and returns its exit code."""
        self.process.terminate()
        return self.process.wait(60)


@pytest.fixture(scope="session")
def published():
    """What `version` was made from."""
    return make_retriever()


@pytest.fixture(scope="session")
def version(published, tmp_path_factory):
    return publish(tmp_path_factory.mktemp("models") / "movies", published)


@pytest.fixture(scope="session")
def servable(version):
    servable = Servable(version)
    yield servable
    servable.close()


@pytest.fixture(scope="session")
def server(version):
    limits = ("--max-body", "5000", "--max-rows", "16", "--max-k", "30")
    log = ("--answer-log", str(version.parent.parent / "answers"))
    server = Server(version.parent, *limits, *log)
    yield server
    server.stop()
