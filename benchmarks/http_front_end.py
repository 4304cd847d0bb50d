"""The HTTP server beside the exact index alone: latency and throughput by the size of a batch.

A server process over an export with an exact index; requests come one after the other, and from
eight connections at once. Beside it, the same index in this process, called as a graph.

Run: python -m benchmarks.http_front_end --items 20000
"""

import argparse
import concurrent.futures
import http.client
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.timing import median_seconds, write
from tfrs_ext import indexes, serving
from tfrs_ext._keras import keras

WIDTH, K, USERS, CLIENTS = 64, 100, 1000, 8
BATCHES = (1, 8, 64)
PATH = "/v1/models/items:predict"


def export(base: pathlib.Path, items: int) -> Any:
    """Publishes a version and returns its exact index."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(items, WIDTH)).astype(np.float32)
    user = keras.Input((), dtype="int64", name="user_id")
    tower = keras.Model({"user_id": user}, keras.layers.Embedding(USERS, WIDTH, "normal")(user))
    users = serving.Users({"user_id": np.arange(USERS)})
    catalogue = serving.Items({"item_id": np.arange(items)})
    serving.export(base, tower, vectors, catalogue, users=users, k=K, index="exact")
    return indexes.Exact(query_model=lambda ids: tower({"user_id": ids}), k=K).index(vectors)


def serve(base: pathlib.Path) -> tuple[subprocess.Popen[bytes], int]:
    """Starts a server, and returns it and its port when it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tfrs_ext.serving.rest", f"items={base}", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            next(asked(port, [np.arange(1)]))
            return process, port
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("The server ended before it answered.")


def asked(port: int, batches: list[np.ndarray]) -> Iterator[float]:
    """Asks over one connection; yields the seconds of each request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        for batch in batches:
            body = json.dumps({"instances": batch.tolist()})
            start = time.perf_counter()
            connection.request("POST", PATH, body)
            answer = connection.getresponse()
            text = answer.read()
            yield time.perf_counter() - start
            if answer.status != 200:
                raise RuntimeError(text.decode())
    finally:
        connection.close()


def measure(port: int, index: Any, batch: int, requests: int) -> dict[str, Any]:
    """Returns the record of one size of batch."""
    rng = np.random.default_rng(1)
    batches = [rng.integers(USERS, size=batch) for _ in range(requests)]
    list(asked(port, batches[:5]))
    alone = np.array(list(asked(port, batches))) * 1e3
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        parts = [batches[i::CLIENTS] for i in range(CLIENTS)]
        together = np.concatenate(list(pool.map(lambda part: list(asked(port, part)), parts)))
    seconds = time.perf_counter() - start
    graph = tf.function(index)
    ids = tf.constant(batches[0])
    bare = median_seconds({"index": lambda: graph(ids)}, repeats=requests)["index"]
    return {
        "batch": batch,
        "index_ms": bare * 1e3,
        "p50_ms": float(np.percentile(alone, 50)),
        "p99_ms": float(np.percentile(alone, 99)),
        "p50_ms_of_8_clients": float(np.percentile(together, 50) * 1e3),
        "p99_ms_of_8_clients": float(np.percentile(together, 99) * 1e3),
        "users_per_second_of_8_clients": requests * batch / seconds,
    }


def main() -> None:
    """Prints the table and writes benchmarks/results/http_front_end.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=400)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder, "items")
        index = export(base, args.items)
        process, port = serve(base)
        try:
            records = [measure(port, index, batch, args.requests) for batch in BATCHES]
        finally:
            process.terminate()
            process.wait()
    write("http_front_end", {"items": args.items, "width": WIDTH, "k": K, "records": records})


if __name__ == "__main__":
    main()
