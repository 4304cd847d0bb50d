"""One process for many questions: what it may be kept for, and what ends it."""

import os
import signal
import threading
import time

import pytest

from tfrs_ext.serving.verification import fresh_process, interpreter

# Answers with its own number and how many jobs it had; the path says what goes wrong.
SCRIPT = """
import json, os, signal, sys, time
for count, line in enumerate(sys.stdin, start=1):
    job = json.loads(line)
    if job["path"].endswith("bad"):
        sys.exit("no such bundle")
    if job["path"].endswith("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    if job["path"].endswith("slow"):
        time.sleep(0.3)
    print(json.dumps({"answers": [{"x": [os.getpid(), count]}], "foreign": []}), flush=True)
"""


@pytest.fixture(autouse=True)
def _short_script(monkeypatch):
    monkeypatch.setattr(interpreter, "read_script", lambda: SCRIPT)
    monkeypatch.setattr(fresh_process, "_KEPT", fresh_process._Kept())
    monkeypatch.setattr(
        fresh_process, "op_library", lambda path: "x.so" if path.name == "own" else None
    )
    monkeypatch.setattr(fresh_process, "find_op_library", lambda name: name)


def ask(path):
    return fresh_process.query_fresh(path, {})["x"].tolist()


def test_each_question_has_a_process_of_its_own_unless_one_is_kept(tmp_path):
    first, second = ask(tmp_path / "plain"), ask(tmp_path / "plain")
    assert first[0] != second[0]
    assert first[1] == second[1] == 1
    with fresh_process.keep_process(), fresh_process.keep_process():
        first, second = ask(tmp_path / "plain"), ask(tmp_path / "other")
    assert first[0] == second[0]
    assert (first[1], second[1]) == (1, 2)
    assert ask(tmp_path / "plain")[0] != first[0]


def test_a_process_with_other_operations_is_not_asked(tmp_path):
    with fresh_process.keep_process():
        first, second = ask(tmp_path / "plain"), ask(tmp_path / "own")
        third, fourth = ask(tmp_path / "own"), ask(tmp_path / "plain")
    assert len({first[0], second[0], fourth[0]}) == 3
    assert third == [second[0], 2]


def test_a_process_that_failed_says_why_and_is_replaced(tmp_path):
    with fresh_process.keep_process():
        ask(tmp_path / "plain")
        with pytest.raises(RuntimeError, match=r"from .*bad: it ended with .* 1\.\nno such bundle"):
            ask(tmp_path / "bad")
        assert ask(tmp_path / "plain")[1] == 1


def test_a_process_that_was_killed_says_so(tmp_path):
    with pytest.raises(RuntimeError, match=r"from .*killed: it was ended by SIGKILL, .* memory"):
        ask(tmp_path / "killed")


def test_a_block_that_ends_leaves_the_process_to_those_of_other_threads(tmp_path):
    answers, is_inside = [], threading.Event()

    def ask_slowly():
        with fresh_process.keep_process():
            answers.append(ask(tmp_path / "plain"))
            is_inside.set()
            answers.extend([ask(tmp_path / "slow"), ask(tmp_path / "plain")])

    other = threading.Thread(target=ask_slowly)
    with fresh_process.keep_process():
        other.start()
        assert is_inside.wait(20)
        time.sleep(0.05)  # The slow question is being answered while this block ends.
    other.join()
    assert [count for _, count in answers] == [1, 2, 3]
    assert len({number for number, _ in answers}) == 1


def test_blocks_that_begin_together_share_one_process_that_ends_with_them(tmp_path, monkeypatch):
    made, threads = [], 4
    start = threading.Barrier(threads)

    class Counted(interpreter.Interpreter):
        def __init__(self):
            time.sleep(0.02)  # Time for others to enter.
            super().__init__()
            made.append(self)

    monkeypatch.setattr(fresh_process, "Interpreter", Counted)

    def enter():
        start.wait()
        with fresh_process.keep_process():
            ask(tmp_path / "plain")
            start.wait()

    workers = [threading.Thread(target=enter) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [one._process.poll() is None for one in made] == [False]


def test_the_answer_to_an_interrupted_question_is_not_taken_for_the_next_ones(tmp_path):
    with fresh_process.keep_process():
        ask(tmp_path / "plain")
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            ask(tmp_path / "slow")
        assert ask(tmp_path / "plain")[1] == 1
