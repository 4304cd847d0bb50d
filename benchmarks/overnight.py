"""Recommendations for everybody: how much slower the whole job is than the index alone.

A version with ScaNN over 100,000 items of 64 numbers, in Zipf clusters, and a table of users. The
index alone is asked for the same queries in the same batches, in the same process, in turns with
the job: its time is the least that the job can take. The job reads ids, looks users up, embeds
them, searches, leaves seen items out, and writes ids, scores and titles to Parquet.

Run: python -m benchmarks.overnight [--users 1000000] [--slice 50000]
"""

import argparse
import pathlib
import resource
import tempfile
import time

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.timing import write
from tfrs_ext import indexes, serving
from tfrs_ext._keras import keras

WIDTH, BATCH, CLUSTERS, SEEN = 64, 1024, 1_000, 20
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def invent(users: int, items: int) -> tuple[Floats, Floats]:
    """Returns vectors of users and of items, in the same clusters."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLUSTERS, WIDTH)).astype(np.float32)
    share = 1 / np.arange(1, CLUSTERS + 1)

    def draw(rows: int) -> Floats:
        which = rng.choice(CLUSTERS, rows, p=share / share.sum())
        return centres[which] + 0.5 * rng.standard_normal((rows, WIDTH), np.float32)

    return draw(users), draw(items)


def publish(folder: pathlib.Path, users: Floats, items: Floats, kind: str, k: int) -> tuple:
    """Publishes a version whose users' vectors are columns, and returns it with its index."""
    ids = np.arange(len(items))
    # ScaNN with its defaults: a search of its settings would take longer than the job.
    index = indexes.ScaNN(k=k) if kind == "scann" else indexes.Exact(k=k)
    index.index(items, ids)
    vector = keras.Input([WIDTH], name="vector")
    tower = keras.Model({"vector": vector}, keras.layers.Activation("linear")(vector))
    rng = np.random.default_rng(1)
    seen = rng.integers(0, len(items), (len(users), SEEN))
    version = serving.export(
        folder,
        tower,
        items,
        serving.Items(
            {"item_id": ids},
            fields={"title": [f"Title {i}" for i in ids]},
        ),
        users=serving.Users({"user_id": np.arange(len(users)), "vector": users}, seen=seen),
        index=index,
        k=k,
    )
    return version, index


def main() -> None:
    """Publishes, times both sides in turns, and prints how they compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--slice", type=int, default=50_000, help="Users that are asked for")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--index", default="scann")
    parser.add_argument("-k", type=int, default=100)
    options = parser.parse_args()
    users, items = invent(options.users, options.items)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        version, index = publish(
            pathlib.Path(folder, "all"), users, items, options.index, options.k
        )
        published = time.perf_counter() - begin
        search = tf.function(lambda queries: index(queries))
        recommender = serving.Recommender(version, options.k)
        asked = np.random.default_rng(2).permutation(options.users)[: options.slice]
        recommender({"user_id": asked[:BATCH]})  # Loads the version, once for all users.
        search(tf.constant(users[asked[:BATCH]]))

        def ask_index(ids: Ints) -> None:
            for begin in range(0, len(ids), BATCH):
                search(tf.constant(users[ids[begin : begin + BATCH]]))

        def write_all(ids: Ints) -> None:
            out = pathlib.Path(folder, f"out{ids[0]}")
            serving.recommend_to_parquet(recommender, {"user_id": ids}, out, k=options.k)

        times: dict[str, list[float]] = {"index": [], "job": []}
        processor: dict[str, list[float]] = {"index": [], "job": []}
        for ids in np.array_split(asked, options.rounds):
            for name, run in {"index": ask_index, "job": write_all}.items():
                start, spent = time.perf_counter(), time.process_time()
                run(ids)
                times[name].append(time.perf_counter() - start)
                processor[name].append(time.process_time() - spent)
        recommender.__exit__()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    part = options.slice / options.rounds
    rates = {name: part / float(np.median(values)) for name, values in times.items()}
    costs = {name: float(np.median(values)) / part for name, values in processor.items()}
    write(
        "overnight",
        {
            "users": options.users,
            "items": options.items,
            "k": options.k,
            "slice": options.slice,
            "seconds_to_publish": published,
            "users_a_second": rates,
            "processor_seconds_a_million": {name: 1e6 * cost for name, cost in costs.items()},
            "job_by_index": costs["job"] / costs["index"],
            "peak_gib": peak,
            "minutes_for_all": options.users / rates["job"] / 60,
        },
    )


if __name__ == "__main__":
    main()
