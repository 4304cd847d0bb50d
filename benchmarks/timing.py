"""Timing of alternatives beside each other, and where the results go."""

import json
import os
import pathlib
import platform
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf

RESULTS = pathlib.Path(__file__).parent / "results"


def median_seconds(
    alternatives: dict[str, Callable[[], Any]], *, repeats: int = 30, warm_up: int = 3
) -> dict[str, float]:
    """Returns the median time of each call; the calls alternate, so that load hits all alike.

    Their order changes from turn to turn: who runs after a call that emptied the caches pays.
    """
    times: dict[str, list[float]] = {name: [] for name in alternatives}
    order = list(alternatives.items())
    for turn in range(warm_up + repeats):
        random.Random(turn).shuffle(order)
        for name, call in order:
            start = time.perf_counter()
            tf.nest.map_structure(lambda t: t.numpy() if tf.is_tensor(t) else t, call())
            if turn >= warm_up:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def machine() -> dict[str, Any]:
    """Returns what is measured on: processor, load and versions."""
    return {
        "processor": _cpu_facts("model name") or platform.processor(),
        "avx512": "avx512f" in _cpu_facts("flags").split(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "tensorflow": tf.__version__,
        "python": platform.python_version(),
    }


def write(name: str, result: dict[str, Any]) -> None:
    """Prints the result and writes it, with what it was measured on, to `results/<name>.json`."""
    text = json.dumps({**result, "machine": machine()}, indent=2, default=float)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


def _cpu_facts(name: str) -> str:
    """Returns what the system tells of the first processor, "" where it tells nothing."""
    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
