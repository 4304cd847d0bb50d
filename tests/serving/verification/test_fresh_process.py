"""One process for many questions: what it may be kept for, and what ends it."""

import pytest

from tfrs_ext.serving.verification import fresh_process, interpreter

# Answers with its own number and how many jobs it had; a path that ends in "bad" is its end.
SCRIPT = """
import json, os, sys
for count, line in enumerate(sys.stdin, start=1):
    job = json.loads(line)
    if job["path"].endswith("bad"):
        sys.exit("no such bundle")
    print(json.dumps({"answers": [{"x": [os.getpid(), count]}], "foreign": []}), flush=True)
"""


@pytest.fixture(autouse=True)
def _short_script(monkeypatch):
    monkeypatch.setattr(interpreter, "read_script", lambda: SCRIPT)
    monkeypatch.setattr(fresh_process, "_KEPT", [])
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
        with pytest.raises(RuntimeError, match=r"could not answer from .*bad:\nno such bundle"):
            ask(tmp_path / "bad")
        assert ask(tmp_path / "plain")[1] == 1
