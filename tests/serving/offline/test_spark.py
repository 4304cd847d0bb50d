"""The example for Spark, in local mode: the same rows as without it."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.house import REPOSITORY
from tfrs_ext import indexes, serving
from tfrs_ext._keras import keras

USERS, ITEMS = (np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32) for n in (30, 20))


@pytest.fixture
def version(tmp_path):
    vector = keras.Input([4], name="vector")
    tower = keras.Model({"vector": vector}, keras.layers.Activation("linear")(vector))
    return serving.export(
        tmp_path / "models",
        tower,
        ITEMS,
        serving.Items({"item_id": np.arange(20)}, fields={"title": [f"№ {i}" for i in range(20)]}),
        users=serving.Users({"user_id": np.arange(30), "vector": USERS}),
        index=indexes.Exact(k=5).index(ITEMS, np.arange(20)),
        k=5,
    )


@pytest.mark.slow
def test_each_partition_is_recommended_what_the_version_answers(version, tmp_path):
    pytest.importorskip("pyspark", exc_type=ImportError)
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java.")
    requests, out = tmp_path / "users.parquet", tmp_path / "recs"
    pd.DataFrame({"user_id": np.arange(30)}).to_parquet(requests)
    options = {"--version": version, "--requests": requests, "--out": out, "-k": 4}
    arguments = [str(part) for pair in options.items() for part in pair]
    ran = subprocess.run(
        [sys.executable, "examples/spark_recommend.py", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]

    found = pd.read_parquet(out).sort_values("user_id").reset_index(drop=True)
    assert len(list(out.glob("part-*"))) == 2
    assert list(found) == ["user_id", "item_id", "score", "title"]
    scores = USERS @ ITEMS.T
    best = np.argsort(-scores, axis=1)[:, :4]
    np.testing.assert_array_equal(np.stack(found["item_id"]), best)
    np.testing.assert_allclose(
        np.stack(found["score"]), np.take_along_axis(scores, best, axis=1), rtol=1e-5
    )
    assert [list(row) for row in found["title"]] == [[f"№ {i}" for i in row] for row in best]
