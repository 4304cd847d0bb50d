"""The process that answers from a bundle ends with the one that started it."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

from tfrs_ext.serving.verification import child

PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, sys.argv[1]], stdin=int(sys.argv[2])).pid, flush=True)
time.sleep(60)
"""


def wait(is_done):
    end = time.monotonic() + 20
    while not is_done():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells of a parent's end")
def test_a_killed_export_leaves_no_process():
    job, writer = os.pipe()  # Nothing is written, so the child waits until somebody ends it.
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, child.__file__, str(job)],
        pass_fds=[job],
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        process = pathlib.Path("/proc", parent.stdout.readline().strip())
        output, errors = process / "fd" / "1", process / "fd" / "2"
        wait(lambda: output.readlink() == errors.readlink())  # The last step before it waits.
        parent.kill()
    status = process / "status"
    wait(lambda: not status.exists() or "State:\tZ" in status.read_text())
    os.close(job)
    os.close(writer)
