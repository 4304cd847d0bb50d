"""An hour of train, evaluate, export and switch in a loop: what stays behind in the processes.

One process trains a model anew in each round, evaluates it, exports it as the next version and
keeps the newest three. A server process over the same folder takes each version and is asked. After
each round the memory, the open files and the threads of both are noted; the slope is that of a
line through the second half of the rounds.

Run: python -m benchmarks.soak --minutes 60
"""

import argparse
import contextlib
import gc
import http.client
import json
import pathlib
import tempfile
import time
from typing import Any

import numpy as np

from benchmarks.http_front_end import Server, serve
from benchmarks.timing import write
from tfrs_ext import data, evaluation, models, serving
from tfrs_ext._keras import keras

KEEP, K = 3, 20


def train(round_number: int) -> tuple[models.TwoTower, data.Split, Any]:
    """Returns a model trained for an epoch on this round's rows, their split and features."""
    frames, _ = data.synthetic(
        num_users=500, num_items=2_000, interactions_per_user=20, seed=round_number
    )
    split = data.global_time_split(frames)
    features = data.fit_features(split.train, history_length=10)
    model = models.TwoTower.from_features(features.query, features.candidate, embedding_dim=16)
    model.compile(keras.optimizers.Adam(0.003))
    model.fit(data.training_dataset(split.train, features, 256, seed=round_number), verbose=0)
    return model, split, features


def evaluate(model: models.TwoTower, split: data.Split, features: Any) -> float:
    """Returns the recall on the test part."""
    known = data.join(split.train, split.validation)
    queries = data.next_item_queries(split.test, features, history_from=known, max_queries=500)
    return evaluation.evaluate_retrieval(
        model.query_model.predict(queries.queries, verbose=0),
        model.candidate_model.predict(data.candidates_dataset(known, features, 512), verbose=0),
        queries.positives,
        ks=(K,),
    )[f"recall_at_{K}"]


def export(base: pathlib.Path, model: models.TwoTower, known: data.Frames, features: Any) -> int:
    """Publishes the model and prunes older versions; returns the number of the new one."""
    items = serving.Items(data.item_columns(known, features))
    users = serving.Users(data.user_states(known, features))
    version = serving.export(
        base, model.query_model, model.candidate_model, items, users=users, k=K
    )
    serving.prune(base, KEEP)
    return int(version.name)


def ask(server: Server, number: int, user: int) -> bool:
    """Waits until the server has this version, asks it, and returns whether it answered."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request(
                "POST",
                f"/v1/models/items/versions/{number}:predict",
                json.dumps({"instances": [user]}),
            )
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 200:
                return len(json.loads(text)["predictions"]) == 1
        time.sleep(0.2)
    return False


def measure(process: int | str) -> dict[str, float]:
    """Returns the memory in MiB, the open files and the threads of a process."""
    folder = pathlib.Path(f"/proc/{process}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    return {
        "mib": int(status["VmRSS"].split()[0]) / 1024,
        "files": len(list((folder / "fd").iterdir())),
        "threads": int(status["Threads"]),
    }


def slopes(rows: list[dict[str, Any]], side: str) -> dict[str, float]:
    """Returns the growth a round of each figure, over the second half of the rounds."""
    half = rows[len(rows) // 2 :]
    if len(half) < 2:  # A line needs two points.
        return {}
    rounds = np.arange(len(half))
    found = {name: [row[side][name] for row in half] for name in half[0][side]}
    return {name: float(np.polyfit(rounds, values, 1)[0]) for name, values in found.items()}


def main() -> None:
    """Prints each round and writes benchmarks/results/soak.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    args = parser.parse_args()
    base = pathlib.Path(tempfile.mkdtemp()) / "items"
    rows: list[dict[str, Any]] = []
    end = time.monotonic() + 60 * args.minutes
    model, split, features = train(0)
    export(base, model, split.train, features)
    with serve(base) as server, serving.keep_process():
        while time.monotonic() < end:
            keras.backend.clear_session()
            gc.collect()
            model, split, features = train(len(rows) + 1)
            recall = evaluate(model, split, features)
            number = export(base, model, split.train, features)
            answered = ask(server, number, int(split.train.interactions["user_id"].iloc[0]))
            del model, split, features
            rows.append(
                {
                    "version": number,
                    "recall": recall,
                    "answered": answered,
                    "versions": len(serving.list_versions(base)),
                    "trainer": measure("self"),
                    "server": measure(server.process),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    result = {
        "minutes": args.minutes,
        "rounds": len(rows),
        "answered": sum(row["answered"] for row in rows),
        "versions_at_most": max(row["versions"] for row in rows),
        "first_round": {side: rows[0][side] for side in ("trainer", "server")},
        "middle_round": {side: rows[len(rows) // 2][side] for side in ("trainer", "server")},
        "last_round": {side: rows[-1][side] for side in ("trainer", "server")},
        "growth_a_round": {side: slopes(rows, side) for side in ("trainer", "server")},
    }
    write("soak", result)


if __name__ == "__main__":
    main()
