"""Indexes in files: what a fresh process that imports the package alone makes of them."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes import Exact, Quantized, ScaNN

KINDS = [Exact, Quantized]
if importlib.util.find_spec("scann") is not None:
    KINDS.append(ScaNN)
VECTORS = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
QUERIES, EXCLUDED = VECTORS[:3], [["i0", "i1"]] * 3

LOAD = """
import json, sys
import numpy as np
import tfrs_ext
import tensorflow as tf
for path in sys.argv[2:]:
    model = tf.keras.models.load_model(path)
    ids = model(np.load(sys.argv[1]))[1].numpy()
    print(json.dumps([[i.decode() for i in row] for row in ids]))
"""


def made(kind):
    return kind(k=3).index(VECTORS, [f"i{i}" for i in range(300)])


def decoded(ids):
    return [[i.decode() for i in row] for row in ids.numpy()]


def save(model, path):
    # Keras asks for the operations that a SavedModel may hold beside TensorFlow's own.
    options = {"options": tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])}
    model.save(str(path), **({} if path.suffix == ".keras" else options))


@pytest.mark.slow
def test_importing_the_package_is_enough_to_load_what_it_saved(tmp_path):
    np.save(tmp_path / "queries.npy", QUERIES)
    paths = [tmp_path / f"{kind.kind}.keras" for kind in KINDS] + [tmp_path / KINDS[-1].kind]
    for kind, path in zip([*KINDS, KINDS[-1]], paths, strict=True):
        inputs = keras.Input((8,))
        save(keras.Model(inputs, made(kind)(inputs)), path)
    expected = [decoded(made(kind)(QUERIES)[1]) for kind in [*KINDS, KINDS[-1]]]
    command = [sys.executable, "-c", LOAD, str(tmp_path / "queries.npy"), *map(str, paths)]
    root = pathlib.Path(__file__).parents[2]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert run.returncode == 0, run.stderr[-3000:]
    assert [json.loads(line) for line in run.stdout.splitlines()] == expected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_an_index_that_only_excluded_is_saved_with_both_searches(tmp_path, kind):
    index = made(kind)
    expected = index.query_with_exclusions(QUERIES, EXCLUDED)[1].numpy()
    save(index, tmp_path / "index")
    loaded = keras.models.load_model(str(tmp_path / "index"))
    assert type(loaded) is kind
    np.testing.assert_array_equal(loaded.query_with_exclusions(QUERIES, EXCLUDED)[1], expected)
    np.testing.assert_array_equal(loaded(QUERIES, k=2)[1], index(QUERIES, k=2)[1])
    plain = tf.saved_model.load(str(tmp_path / "index"))
    excluded = tf.constant(EXCLUDED)
    found = plain.query_with_exclusions(QUERIES, excluded)[1]
    np.testing.assert_array_equal(found, expected)
    found = plain.query_with_exclusions(QUERIES, excluded, k=tf.constant(2))[1]
    np.testing.assert_array_equal(found, expected[:, :2])


def test_a_loaded_functional_model_takes_another_corpus():
    inputs, index = keras.Input((8,)), made(Exact)
    model = keras.Model(inputs, index(inputs))
    copy = keras.Model.from_config(model.get_config())
    with pytest.raises(ValueError, match="`index` must be called before"):
        copy(QUERIES)
    copy.layers[-1].index(VECTORS[:3], ["a", "b", "c"])
    assert decoded(copy(10 * np.eye(8, dtype=np.float32)[:1])[1])[0] == sorted(
        "abc", key=lambda name: -VECTORS["abc".index(name), 0]
    )
