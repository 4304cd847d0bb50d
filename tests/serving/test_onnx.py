"""A stock bundle with string ids, converted to ONNX, gives the same items in another runtime."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import serving
from tfrs_ext._keras import keras
from tfrs_ext.serving import retriever_draft

pytest.importorskip("tf2onnx", reason="tf2onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytestmark = pytest.mark.slow

ITEMS = tuple(f"item {i}" for i in range(500))
USERS = tuple(f"user {i}" for i in range(30))


def make_tower():
    user = keras.Input((), dtype=tf.string, name="user_id")
    age = keras.Input((), name="age")
    known = keras.layers.StringLookup(vocabulary=list(USERS))(user)
    embedded = keras.layers.Embedding(len(USERS) + 1, 8, "normal")(known)
    shift = keras.layers.Dense(8)(keras.layers.Reshape((1,))(age))
    return keras.Model({"user_id": user, "age": age}, embedded + shift)


@pytest.mark.parametrize("index", ["exact", "quantized"])
def test_onnx_runtime_answers_with_the_same_ids(tmp_path, monkeypatch, index):
    monkeypatch.setattr(
        retriever_draft, "verify", lambda *a, **k: serving.Verification(1, 1.0, 0.0)
    )
    rng = np.random.default_rng(0)
    users = {"user_id": np.array(USERS), "age": rng.uniform(2, 6, 30).astype(np.float32)}
    vectors = rng.normal(size=(500, 8)).astype(np.float32)
    path = serving.export(
        tmp_path,
        make_tower(),
        vectors,
        serving.Items({"item_id": ITEMS}),
        users=serving.Users(users),
        k=10,
        index=index,
    )
    file = tmp_path / "model.onnx"
    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", str(path), "--tag"]
    options = ["serve", "--signature_def", "serving_default", "--opset", "18", "--output"]
    run = subprocess.run(
        [*command, *options, str(file)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    asked = np.array([*USERS[:5], "nobody"])
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    answer = dict(zip(names, session.run(None, {"user_id": asked.astype(object)}), strict=True))
    expected = tf.saved_model.load(str(path)).signatures["serving_default"](
        user_id=tf.constant(asked)
    )
    ids = [[item.decode() for item in row] for row in expected["item_id"].numpy()]
    assert answer["item_id"].tolist() == ids
    np.testing.assert_allclose(answer["score"], expected["score"], rtol=1e-4)
