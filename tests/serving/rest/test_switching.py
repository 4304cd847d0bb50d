"""Versions change under load, and leave nothing behind."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.serving.rest.conftest import Server, copy, publish
from tfrs_ext import serving
from tfrs_ext._keras import keras

pytestmark = pytest.mark.slow

# Asks without a pause from several connections; writes what came, until it is told to stop.
LOAD = """
import collections, http.client, json, sys, threading
port, stop, counts = int(sys.argv[1]), threading.Event(), collections.Counter()
body = json.dumps({"instances": ["u3", "nobody"]})
def ask():
    while not stop.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            for _ in range(50):
                connection.request("POST", "/v1/models/movies:predict", body)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200:
                    counts[json.loads(text)["predictions"][1]["title"][0].split()[0]] += 1
                else:
                    counts[f"error: {answer.status} {text[:200]}"] += 1
                if stop.is_set():
                    break
        except Exception as error:
            counts[f"error: {error!r}"] += 1
        connection.close()
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
sys.stdin.readline()
stop.set()
for thread in threads: thread.join()
print(json.dumps(counts))
"""


def test_no_request_is_dropped_while_versions_change(tmp_path, published):
    base = tmp_path / "movies"
    publish(base, published, "v1")
    server = Server(base, "--poll-seconds", "0.2")
    load = subprocess.Popen(
        [sys.executable, "-c", LOAD, str(server.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for number in (2, 3, 4):
            time.sleep(1)
            publish(base, published, f"v{number}")
            server.wait(lambda n=number: server.ask("GET", f"/versions/{n}")[0] == 200)
        serving.rollback(base)
        server.wait(lambda: server.ask("GET", "/versions/4")[0] == 404)
        time.sleep(1)
        counts = json.loads(load.communicate("stop\n", timeout=60)[0])
    finally:
        load.kill()
        load.wait()
        code = server.stop()
    assert set(counts) == {"v1", "v2", "v3", "v4"}
    assert min(counts.values()) > 10
    assert code in (0, -15)


def large_version(base, kind):
    """A version of some 40 MB."""
    rng = np.random.default_rng(0)
    candidates = rng.normal(size=(60_000, 64)).astype(np.float32)
    users = {"user_id": np.arange(100)}
    tower = keras.Sequential([keras.Input((), dtype="int64"), keras.layers.Embedding(100, 64)])
    features = keras.Input((), dtype="int64", name="user_id")
    model = keras.Model({"user_id": features}, tower(features))
    items = serving.Items({"item_id": np.arange(60_000)})
    users = serving.Users(users)
    return serving.export(
        base, model, candidates, items, users=users, k=10, index=kind, min_recall=0.1
    )


@pytest.mark.parametrize("kind", ["exact", "scann"])
def test_memory_after_many_switches_is_flat(tmp_path, kind):
    if kind == "scann":
        pytest.importorskip("scann")
    version = large_version(tmp_path / "movies", kind)
    server = Server(tmp_path / "movies", "--poll-seconds", "0.1")
    held = []
    try:
        for number in range(2, 24):
            copy(version, version.parent)
            serving.prune(version.parent, keep=2)
            server.wait(lambda n=number: server.ask("GET", f"/versions/{n}")[0] == 200)
            assert server.ask("POST", ":predict", {"instances": [5]})[0] == 200
            version = version.parent / str(number)
            held.append(server.megabytes())
    finally:
        server.stop()
    # A version that stayed would add its 15 MB and more each time, 200 MB in these fourteen.
    assert np.median(held[-5:]) - np.median(held[3:8]) < 60
