"""Bundles pass between this TensorFlow and those of the environments that `make matrix` made."""

import ast
import os
import subprocess
import sys

import pytest

from tests.house import REPOSITORY
from tests.serving.conftest import make_retriever
from tfrs_ext import serving

PYTHONS = sorted((REPOSITORY / ".matrix").glob("*/bin/python"))
WRITE = """
import sys
import tfrs_ext
from tests.serving.conftest import make_retriever
from tfrs_ext import serving
retriever = make_retriever()
version = serving.export(sys.argv[1], **retriever.arguments(), index="exact")
print((str(version), [[int(item) for item in row] for row in retriever.expected(["u3", "u7"], 5)]))
"""


def _ask(version):
    asked = {"user_id": ["u3", "u7"], "exclusions": [[-1], [-1]], "k": 5}
    answer = serving.query_fresh(version, asked, "recommend")
    return answer["item_id"].tolist()


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    retriever = make_retriever()
    folder = tmp_path_factory.mktemp("ours")
    version = serving.export(folder, **retriever.arguments(), index="exact")
    return version, retriever.expected(["u3", "u7"], 5)


@pytest.mark.slow
@pytest.mark.skipif(not PYTHONS, reason="there are no other environments: `make matrix`")
@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
def test_bundles_answer_alike_in_another_tensorflow(python, ours, monkeypatch, tmp_path):
    version, expected = ours
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(python))
        assert _ask(version) == expected
    run = subprocess.run(
        [python, "-c", WRITE, tmp_path / "theirs"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    theirs, expected = ast.literal_eval(run.stdout.strip().splitlines()[-1])
    assert _ask(theirs) == expected
