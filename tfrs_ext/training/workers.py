"""Several processes of one machine that train together."""

import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

from tfrs_ext.typing import PrintFn

_LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 10.0
_TAIL = 2_000
_PR_SET_PDEATHSIG = 1
# Found here, since little is safe to do between fork and exec.
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class WorkerError(RuntimeError):
    """A worker ended before its time, or all took too long; the others were ended too."""


def launch_workers(
    command: Sequence[str],
    num_workers: int,
    *,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    print_fn: PrintFn | None = None,
) -> list[str]:
    """Runs a program in several processes of this machine that train as one.

    Each process finds in `TF_CONFIG` who the others are and which one it is, as
    `tf.distribute.MultiWorkerMirroredStrategy` reads it. Where one ends with an error or is
    killed, the others, who would wait for it for ever, are ended too; so are all where this process
    ends.

    Args:
        command: The program and its arguments, such as `[sys.executable, "train.py"]`.
        num_workers: How many processes there are.
        env: Variables of the environment beside those of this process.
        timeout_s: Seconds after which all are ended; None waits as long as it takes.
        print_fn: Takes the lines of worker 0 as it prints them; None keeps them for the end.

    Returns:
        What each worker has printed on its standard output.

    Raises:
        WorkerError: A worker ended with an error, with its number and its last words, or the time
            was over.
        ValueError: `num_workers` is below 1.

    Relations:
        On several machines, give each process its own `TF_CONFIG`, as Kubernetes operators do.
        `fit_resumable` goes on where the workers were ended, once they are launched again.

    Example:
        >>> import sys
        >>> [said.strip() for said in launch_workers([sys.executable, "-c", "print('here')"], 2)]
        ['here', 'here']
    """
    if num_workers < 1:
        raise ValueError(f"`num_workers` must be at least 1, received num_workers={num_workers}.")
    addresses = _free_addresses(num_workers)
    with tempfile.TemporaryDirectory() as folder:
        # What workers write aside goes with the folder, however they end.
        shared = {**os.environ, **(env or {}), "TMPDIR": folder}
        workers: list[_Worker] = []
        try:
            for number in range(num_workers):
                own = {**shared, "TF_CONFIG": _config(addresses, number)}
                workers.append(_Worker(command, own, pathlib.Path(folder, str(number))))
            _wait(workers, timeout_s, print_fn)
            return [worker.said() for worker in workers]
        finally:
            _end([worker.process for worker in workers])


def _die_with_parent() -> None:
    """Lets Linux kill this process when the one that launched it ends, however it ends."""
    assert _PRCTL is not None
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Worker:
    """A process, and the files of what it says."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], files: pathlib.Path) -> None:
        self._out, self._err = files.with_suffix(".out"), files.with_suffix(".err")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                list(command),
                stdout=out,
                stderr=err,
                env=env,
                preexec_fn=None if _PRCTL is None else _die_with_parent,
            )

    def said(self) -> str:
        """Returns what it has printed so far."""
        return self._out.read_text(errors="replace")

    def last_words(self) -> str:
        """Returns the ends of what it has printed and of its errors."""
        return f"{self.said()[-_TAIL:]}\n{self._err.read_text(errors='replace')[-_TAIL:]}"


def _free_addresses(count: int) -> list[str]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((_LOOPBACK, 0))
        return [f"{_LOOPBACK}:{each.getsockname()[1]}" for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _config(addresses: Sequence[str], number: int) -> str:
    task = {"type": "worker", "index": number}
    return json.dumps({"cluster": {"worker": list(addresses)}, "task": task})


def _wait(workers: Sequence[_Worker], timeout_s: float | None, print_fn: PrintFn | None) -> None:
    """Returns once all have ended well; raises as soon as one has not."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    printed = 0
    while True:
        codes = [worker.process.poll() for worker in workers]
        if print_fn is not None:
            lines = workers[0].said().split("\n")[printed:]
            if codes[0] is None or not lines[-1]:
                lines.pop()  # What follows the last end of a line isn't a whole line yet.
            printed += len(lines)
            for line in lines:
                print_fn(line)
        for number, code in enumerate(codes):
            if code:
                raise WorkerError(
                    f"Worker {number} of {len(workers)} ended with {_describe(code)}, and the "
                    f"others were ended. Its last words:\n{workers[number].last_words()}"
                )
        if all(code == 0 for code in codes):
            return
        if end is not None and time.monotonic() > end:
            raise WorkerError(
                f"The workers must be done within {timeout_s:g} s, and were ended. The last words "
                f"of worker 0:\n{workers[0].last_words()}"
            )
        time.sleep(_POLL_SECONDS)


def _describe(code: int) -> str:
    return f"code {code}" if code > 0 else f"signal {-code}"


def _end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
