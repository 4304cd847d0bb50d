"""Several processes of one machine that train together."""

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO

_LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 10.0
_TAIL = 2_000


class WorkerError(RuntimeError):
    """A worker ended before its time, or all took too long; the others were ended too."""


def launch_workers(
    command: Sequence[str],
    num_workers: int,
    *,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> list[str]:
    """Runs a program in several processes of this machine that train as one.

    Each process finds in `TF_CONFIG` who the others are and which one it is, as
    `tf.distribute.MultiWorkerMirroredStrategy` reads it. Where one ends with an error or is
    killed, the others, who would wait for it for ever, are ended too.

    Args:
        command: The program and its arguments, such as `[sys.executable, "train.py"]`.
        num_workers: How many processes there are.
        env: Variables of the environment beside those of this process.
        timeout_s: Seconds after which all are ended; None waits as long as it takes.

    Returns:
        What each worker has printed.

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
        logs = [open(f"{folder}/{number}", "w+b") for number in range(num_workers)]  # noqa: SIM115
        processes = [
            subprocess.Popen(
                list(command),
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {}), "TF_CONFIG": _config(addresses, number)},
            )
            for number, log in enumerate(logs)
        ]
        try:
            _wait(processes, logs, timeout_s)
            return [_read(log) for log in logs]
        finally:
            _end(processes)
            for log in logs:
                log.close()


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


def _wait(
    processes: Sequence["subprocess.Popen[bytes]"],
    logs: Sequence[IO[bytes]],
    timeout_s: float | None,
) -> None:
    """Returns once all have ended well; raises as soon as one has not."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        codes = [process.poll() for process in processes]
        for number, code in enumerate(codes):
            if code:
                raise WorkerError(
                    f"Worker {number} of {len(processes)} ended with {_describe(code)}, and the "
                    f"others were ended. Its last words:\n{_read(logs[number])[-_TAIL:]}"
                )
        if all(code == 0 for code in codes):
            return
        if end is not None and time.monotonic() > end:
            raise WorkerError(
                f"The workers must be done within {timeout_s:g} s, and were ended. The last words "
                f"of worker 0:\n{_read(logs[0])[-_TAIL:]}"
            )
        time.sleep(_POLL_SECONDS)


def _describe(code: int) -> str:
    return f"code {code}" if code > 0 else f"signal {-code}"


def _read(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")


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
