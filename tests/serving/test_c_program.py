"""A bundle answers a program without any Python, as a server is."""

import importlib.util
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.conftest import make_retriever
from tfrs_ext import serving

FOLDER = pathlib.Path(tf.__file__).parent
LIBRARIES = [FOLDER / "libtensorflow_cc.so.2", FOLDER / "libtensorflow_framework.so.2"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed"),
    pytest.mark.skipif(not LIBRARIES[0].exists(), reason="TensorFlow's C++ library is missing"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("c") / "answer"
    source = pathlib.Path(__file__).with_name("answer.c")
    options = ["-O1", "-Wall", "-Werror", f"-I{FOLDER / 'include'}", f"-Wl,-rpath,{FOLDER}"]
    subprocess.run(
        ["gcc", *options, str(source), *map(str, LIBRARIES), "-o", str(path)], check=True
    )
    return path


def operations(path):
    """The names behind the default signature, as a server reads them from the file."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
    signature = meta.signature_def["serving_default"]
    outputs = signature.outputs
    return [signature.inputs["user_id"].name, outputs["item_id"].name, outputs["score"].name]


@pytest.mark.parametrize("kind", ["exact", "scann"])
def test_c_program_answers_as_the_model_does(tmp_path, program, kind):
    retriever = make_retriever()
    path = serving.export(tmp_path, **retriever.arguments(), k=6, index=kind)
    library = []
    if kind == "scann":
        found = pathlib.Path(importlib.util.find_spec("scann").origin).parent
        library = [str(found / "scann_ops" / "cc" / "_scann_ops.so")]
    run = subprocess.run(
        [program, path, "u7", *operations(path), "6", *library],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    ids, scores = zip(*(line.split() for line in run.stdout.splitlines()), strict=True)
    assert [int(i) for i in ids] == retriever.expected(["u7"], 6)[0]
    assert np.all(np.diff([float(score) for score in scores]) <= 0)
