"""The process that answers from a bundle ends with the one that started it, and not before."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

from tfrs_ext.serving.verification import child

PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, sys.argv[1]], stdin=int(sys.argv[2])).pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _no_tensorflow(tmp_path, monkeypatch):
    # Importing the true one takes seconds. Where a job names a library, its answer takes a minute.
    text = (
        "import time\ndef load_op_library(path):\n    open(path, 'w').close()\n    time.sleep(60)"
    )
    (tmp_path / "tensorflow.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def wait(is_done):
    end = time.monotonic() + 20
    while not is_done():
        assert time.monotonic() < end
        time.sleep(0.01)


def wait_until_ready(process):
    output, errors = process / "fd" / "1", process / "fd" / "2"
    wait(lambda: output.readlink() == errors.readlink())  # The last step before it waits.


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells of a parent's end")
@pytest.mark.parametrize("is_answering", [False, True])
def test_a_killed_export_leaves_no_process(is_answering, tmp_path):
    job, writer = os.pipe()  # Held open here, as a fork of the export holds it.
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, child.__file__, str(job)],
        pass_fds=[job],
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        process = pathlib.Path("/proc", parent.stdout.readline().strip())
        wait_until_ready(process)
        if is_answering:
            library = tmp_path / "library"
            os.write(writer, json.dumps({"op_library": str(library)}).encode() + b"\n")
            wait(library.exists)
        parent.kill()
    status = process / "status"
    wait(lambda: not status.exists() or "State:\tZ" in status.read_text())
    os.close(job)
    os.close(writer)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells when it is ready")
def test_it_outlives_the_thread_that_started_it():
    started = []

    def start():
        code = [sys.executable, child.__file__]
        process = subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        wait_until_ready(pathlib.Path("/proc", str(process.pid)))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with started[0] as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.7)
        process.kill()
