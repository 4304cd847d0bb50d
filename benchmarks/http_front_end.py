"""The HTTP server beside the exact index alone: latency and throughput by the size of a request.

Two server processes over an export with an exact index: one answers each request by itself, the
other joins those that wait. Requests come one after the other, in turns with the same index in this
process, called as a graph; then from eight connections at once. Where wrk is installed, it asks
from up to 32, since it takes next to nothing of the processor, and clients in Python do.

Run: python -m benchmarks.http_front_end --items 20000
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks.timing import write
from tfrs_ext import indexes, serving
from tfrs_ext._keras import keras

WIDTH, K, USERS, CLIENTS, ROUNDS = 64, 100, 1000, 8, 5
CONNECTIONS = (1, CLIENTS, 2 * CLIENTS, 4 * CLIENTS)  # Of wrk.
ROWS = (1, 8, 64)


class Server(NamedTuple):
    """A server process and its port."""

    port: int
    process: int

    def processor_seconds(self) -> float:
        """Returns the processor time of all its threads, on which other processes weigh less."""
        tasks = pathlib.Path(f"/proc/{self.process}/task")
        spent = [(task / "schedstat").read_text().split()[0] for task in tasks.iterdir()]
        return sum(map(int, spent)) / 1e9


Servers = dict[str, Server]
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


@contextlib.contextmanager
def serve(base: pathlib.Path, *options: str) -> Iterator[Server]:
    """Yields a server that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tfrs_ext.serving.rest", f"items={base}", "--port", str(port)]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                next(asked(port, [np.arange(1)]))
                break
            time.sleep(0.2)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait()


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


def take_turns(servers: Servers, index: Any, batches: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the milliseconds of each request to each server, and of the index alone."""
    graph = tf.function(index, reduce_retracing=True)
    sides = {name: asked(server.port, batches) for name, server in servers.items()}
    found: dict[str, list[float]] = {name: [] for name in ("index", *sides)}
    for batch in batches:
        ids = tf.constant(batch)
        start = time.perf_counter()
        _ = [part.numpy() for part in graph(ids)]
        found["index"].append(time.perf_counter() - start)
        for name, side in sides.items():
            found[name].append(next(side))
    # The first ones warm up.
    return {name: 1e3 * np.array(seconds[len(seconds) // 10 :]) for name, seconds in found.items()}


def ask_at_once(port: int, batches: list[np.ndarray]) -> tuple[float, np.ndarray]:
    """Asks over several connections; returns the seconds of all together and of each request."""
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        parts = [batches[i::CLIENTS] for i in range(CLIENTS)]
        each = np.concatenate(list(pool.map(lambda part: list(asked(port, part)), parts)))
    return time.perf_counter() - start, each


def wrk_asks(port: int, batch: np.ndarray, connections: int, seconds: int) -> dict[str, float]:
    """Returns how many requests a second wrk got answered, and the p50 of each.

    Raises:
        RuntimeError: An answer was an error.
    """
    script = f"""
    wrk.method, wrk.body = "POST", '{json.dumps({"instances": batch.tolist()})}'
    wrk.headers["Content-Type"] = "application/json"
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", file.name]
        url = f"http://127.0.0.1:{port}{PATH}"
        said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(said)
    rate = re.search(r"Requests/sec: +([\d.]+)", said)
    middle = re.search(r"50% +([\d.]+)(us|ms|s)", said)
    if not (rate and middle):
        raise RuntimeError(said)
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}[middle[2]]
    return {
        f"wrk_requests_per_second_of_{connections}": float(rate[1]),
        f"wrk_p50_ms_of_{connections}": unit * float(middle[1]),
    }


def measure(servers: Servers, index: Any, rows: int, requests: int) -> dict[str, Any]:
    """Returns the record of requests of so many rows."""
    rng = np.random.default_rng(1)
    batches = [rng.integers(USERS, size=rows) for _ in range(requests)]
    alone = take_turns(servers, index, batches)
    rounds: dict[str, list[tuple[float, np.ndarray]]] = {name: [] for name in servers}
    processor: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            before = server.processor_seconds()
            rounds[name].append(ask_at_once(server.port, batches))
            processor[name].append(server.processor_seconds() - before)
    record: dict[str, Any] = {"rows": rows, "index_ms": float(np.median(alone["index"]))}
    for name in servers:
        each = 1e3 * np.concatenate([each for _, each in rounds[name]])
        record[name] = {
            "p50_ms": float(np.median(alone[name])),
            "p99_ms": float(np.percentile(alone[name], 99)),
            "p50_ms_over_the_index": float(np.median(alone[name] - alone["index"])),
            "p50_ms_of_8_clients": float(np.median(each)),
            "p99_ms_of_8_clients": float(np.percentile(each, 99)),
            "rows_per_second_of_8_clients": float(
                np.median([requests * rows / seconds for seconds, _ in rounds[name]])
            ),
            "processor_ms_of_a_request_of_8_clients": float(
                1e3 * np.median(processor[name]) / requests
            ),
        }
        if shutil.which("wrk"):
            for connections in CONNECTIONS:
                wrk_asks(servers[name].port, batches[0], connections, seconds=1)  # Warm-up.
                record[name] |= wrk_asks(servers[name].port, batches[0], connections, seconds=5)
    return record


def main() -> None:
    """Prints the table and writes benchmarks/results/http_front_end.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=400)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder, "items")
        index = export(base, args.items)
        with serve(base) as by_itself, serve(base, "--max-batch-size", "64") as joined:
            servers = {"by_itself": by_itself, "joined": joined}
            records = [measure(servers, index, rows, args.requests) for rows in ROWS]
    write("http_front_end", {"items": args.items, "width": WIDTH, "k": K, "records": records})


if __name__ == "__main__":
    main()
