"""Interactions in Parquet files: rows and bytes a second beside pyarrow's own, and memory.

Run: python -m benchmarks.streaming --folder /somewhere/large --rows 100_000_000 --steps 2000
"""

import argparse
import pathlib
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from benchmarks.timing import write
from tfrs_ext import data, frequencies, losses, models, negatives, optimizers, tasks

SCHEMA = data.Schema(context_features={"hour": "numeric"})
PER_FILE, PER_GROUP = 4_000_000, 65_536


def make(folder: pathlib.Path, rows: int, users: int, items: int) -> None:
    """Writes files of drawn interactions, popular items more often, a part at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, begin in enumerate(range(0, rows, PER_FILE)):
        path = folder / f"part-{number:05d}.parquet"
        size = min(PER_FILE, rows - begin)
        if path.exists():
            continue
        rng = np.random.default_rng(number)
        table = pa.table(
            {
                "user_id": rng.integers(0, users, size),
                "item_id": (items * rng.random(size) ** 3).astype(np.int64),
                "timestamp": 1_700_000_000 + begin + np.arange(size),
                "hour": rng.integers(0, 24, size),
            }
        )
        pq.write_table(table, path, row_group_size=PER_GROUP, write_page_checksum=True)


def seconds_of_reader(interactions: data.ParquetInteractions, count: int) -> float:
    """Returns how long pyarrow takes for the columns of some row groups, and nothing else."""
    begin = time.perf_counter()
    for group in interactions.row_groups[:count]:
        group.read(interactions.columns)
    return time.perf_counter() - begin


def seconds_of_batches(dataset: tf.data.Dataset, batches: int) -> float:
    """Returns how long some batches take, without the first one."""
    iterator = iter(dataset.take(batches + 1))
    next(iterator)
    begin = time.perf_counter()
    for _ in iterator:
        pass
    return time.perf_counter() - begin


def seconds_of_steps(
    step: Callable[[Any], Any], dataset: tf.data.Dataset, steps: int
) -> dict[str, float]:
    """Returns the seconds of a step, and those of it in which it waits for its batch."""
    batches = iter(dataset)
    step(next(batches))
    waited, begin = 0.0, time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        step(batch)
    return {"step": (time.perf_counter() - begin) / steps, "waiting": waited / steps}


def train(
    facts: data.ParquetFacts, batches: tf.data.Dataset, steps: int
) -> dict[str, dict[str, float]]:
    """Returns the seconds of a step, with the pipeline and with one batch again and again."""
    frequency = frequencies.CountedFrequency(facts.item_ids, facts.item_counts)
    model = models.TwoTower.from_features(
        facts.features.query,
        facts.features.candidate,
        task=tasks.Retrieval(losses.SampledSoftmax(), negatives=negatives.InBatch(frequency)),
    )
    model.compile(optimizers.LazyAdam(1e-3))
    model.fit(batches.take(3), verbose=0)
    step = tf.function(lambda batch: model.train_step(batch)["loss"], reduce_retracing=True)
    again = tf.data.Dataset.from_tensors(next(iter(batches.take(1)))).repeat()
    return {
        "streamed": seconds_of_steps(lambda batch: step(batch).numpy(), batches, steps),
        "one batch again": seconds_of_steps(lambda batch: step(batch).numpy(), again, steps // 5),
    }


def main() -> None:
    """Prints the figures and writes benchmarks/results/streaming.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=100)
    args = parser.parse_args()
    make(args.folder / "log", args.rows, args.users, args.items)
    result: dict[str, Any] = {"settings": {n: v for n, v in vars(args).items() if n != "folder"}}
    opened = data.open_parquet(args.folder / "log", schema=SCHEMA)
    begin = time.perf_counter()
    if not (args.folder / "grouped").exists():
        data.group_parquet_by_user(opened, args.folder / "grouped")
        result["seconds_to_group"] = time.perf_counter() - begin
    grouped = data.open_parquet(args.folder / "grouped", schema=SCHEMA)
    begin = time.perf_counter()
    facts = data.scan_parquet(grouped, history_length=20)
    result["seconds_to_scan"] = time.perf_counter() - begin
    result["peak_gib_after_scan"] = peak_gib()
    count = min(60, len(grouped.row_groups))
    rows = sum(group.num_rows for group in grouped.row_groups[:count])
    seconds = seconds_of_reader(grouped, count)
    result["reader_rows_per_second"] = rows / seconds
    batches = data.parquet_dataset(grouped, facts.features, args.batch, seed=1, drop_remainder=True)
    number = rows // args.batch - 1
    found = number * args.batch / seconds_of_batches(batches, number)
    result["batches_rows_per_second"] = found
    in_file = sum(path.stat().st_size for path in (args.folder / "grouped").iterdir())
    result["batches_file_bytes_per_second"] = found * in_file / args.rows
    result["seconds_per_step"] = train(facts, batches, args.steps)
    streamed, again = result["seconds_per_step"].values()
    result["share_of_a_step_that_waits"] = streamed["waiting"] / streamed["step"]
    result["times_one_batch_again"] = streamed["step"] / again["step"]
    result["peak_gib"] = peak_gib()
    write("streaming", result)


def peak_gib() -> float:
    """Returns the most memory that this process has had, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
