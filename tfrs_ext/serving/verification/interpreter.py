"""A Python interpreter of its own that answers from bundles with TensorFlow alone."""

import contextlib
import importlib.resources
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any


def read_script() -> str:
    """Returns what the interpreter runs, which imports nothing of this package."""
    script = importlib.resources.files("tfrs_ext.serving.verification").joinpath("child.py")
    return script.read_text(encoding="utf-8")


class Interpreter:
    """Starts at once, and imports TensorFlow while the caller goes on."""

    def __init__(self) -> None:
        # A file never fills, as a pipe does that nobody reads.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it.
        self._process = subprocess.Popen(
            [sys.executable, "-c", read_script()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
            encoding="utf-8",
        )
        self._libraries: set[str | None] = set()

    def fits(self, job: dict[str, Any]) -> bool:
        """Returns whether it lives, and has loaded no other custom operations than the job's."""
        return self._process.poll() is None and self._libraries <= {job["op_library"]}

    def ask(self, path: pathlib.Path, job: dict[str, Any]) -> dict[str, Any]:
        """Returns what the process answers.

        Args:
            path: The bundle, for the message of an error.
            job: What `child.py` takes.

        Raises:
            RuntimeError: Where the process fails; with what it wrote last.
        """
        self._libraries.add(job["op_library"])
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(job) + "\n")
            stdin.flush()
        line = stdout.readline()
        if not line:
            self._process.wait()
            self._complaints.seek(0)
            lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
            last = "\n".join(lines[-15:])
            raise RuntimeError(f"A fresh process could not answer from {path}:\n{last}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()  # It has nothing to write: what it was asked is answered.
        self._process.communicate()
        self._complaints.close()
