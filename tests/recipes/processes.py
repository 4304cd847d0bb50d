"""Recipes as a user runs them: in processes of their own, and killed."""

import contextlib
import importlib
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time

from typer.testing import CliRunner

ROOT = pathlib.Path(__file__).parents[2]


class Recipe:
    """One recipe on the folders of one test."""

    def __init__(self, module, folder):
        self.module = module
        self.runs, self.base = folder / "runs", folder / "base"

    def _arguments(self, arguments):
        return [*arguments, "--runs", str(self.runs), "--base", str(self.base)]

    def _command(self, arguments):
        return [sys.executable, "-m", self.module.__name__, *self._arguments(arguments)]

    def run(self, *arguments):
        # A user's shell says nothing of TensorFlow's lines, other than these tests' own.
        environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
        return subprocess.run(
            self._command(arguments),
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def run_here(self, *arguments):
        return CliRunner().invoke(self.module.app, self._arguments(arguments))

    def start(self, *arguments):
        nothing = subprocess.DEVNULL
        command = self._command(arguments)
        return subprocess.Popen(command, cwd=ROOT, stdout=nothing, stderr=nothing)

    def kill_when(self, is_time, *arguments):
        """Starts the recipe and kills it at a moment; returns whether it came to that moment."""
        process = self.start(*arguments)
        while process.poll() is None:
            if is_time():
                process.send_signal(signal.SIGKILL)
                process.wait()
                return True
            time.sleep(0.02)
        return False


class Forked:
    """One recipe in processes forked from one that has imported it, which start at once."""

    def __init__(self, module, folder, *options):
        self.name, self.log = module.__name__, folder / "log.txt"
        self.runs, self.base = folder / "runs", folder / "base"
        self.options = [*options, "--runs", str(self.runs), "--base", str(self.base)]
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([self.name])

    def start(self, *arguments):
        arguments = [*arguments, *self.options]
        process = self._context.Process(target=_run_app, args=(self.name, arguments, self.log))
        process.start()
        return process

    def run(self, *arguments):
        process = self.start(*arguments)
        process.join()
        return process.exitcode

    def stop_when(self, is_time, by, *arguments):
        """Starts the recipe and sends a signal at a moment; returns how the process ended."""
        process = self.start(*arguments)
        while process.is_alive() and not is_time():
            time.sleep(0.01)
        assert process.is_alive(), self.log.read_text()
        os.kill(process.pid, by)
        process.join()
        return process.exitcode


def _run_app(name, arguments, log):
    with log.open("a") as stream, contextlib.redirect_stdout(stream):
        os.dup2(stream.fileno(), 2)
        module = importlib.import_module(name)
        module.shared.console.file = stream
        module.app(args=arguments)


def shown_rows(result):
    """The rows of the last table that was printed, without its head and without wrapped lines."""
    last_table = result.stdout.rpartition("┡")[2].splitlines()
    rows = [line for line in last_table if line.startswith("│")]
    return [row for row in rows if row.split("│")[1].strip()]
