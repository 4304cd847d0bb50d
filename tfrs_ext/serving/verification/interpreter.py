"""A Python interpreter of its own that answers from bundles with TensorFlow alone."""

import contextlib
import importlib.resources
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from typing import Any


def read_script() -> str:
    """Returns what the interpreter runs, which imports nothing of this package."""
    script = importlib.resources.files("tfrs_ext.serving.verification").joinpath("child.py")
    return script.read_text(encoding="utf-8")


def _describe_end(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}."
    name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
    memory = ", as the system does where memory runs out" if name == "SIGKILL" else ""
    return f"it was ended by {name}{memory}."


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
            RuntimeError: Where the process fails; with how it ended, and what it wrote last.
        """
        self._libraries.add(job["op_library"])
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                stdin.write(json.dumps(job) + "\n")
                stdin.flush()
            line = stdout.readline()
        except BaseException:  # Such as Ctrl-C: this answer must not be read as the next one's.
            self._process.kill()
            self._process.wait()
            raise
        if not line.endswith("\n"):
            raise RuntimeError(f"A fresh process could not answer from {path}{self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
        return "\n".join([f": {_describe_end(code)}", *lines[-15:]])

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()  # It has nothing to write: what it was asked is answered.
        self._process.communicate()
        self._complaints.close()
