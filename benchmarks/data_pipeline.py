"""One pass over a million interactions: whole-batch gathers beside tf.data's usual row by row.

Run: python -m benchmarks.data_pipeline
"""

import argparse
import time
import warnings
from collections.abc import Callable

import tensorflow as tf

from benchmarks.timing import median_seconds, write
from tfrs_ext import data


def row_by_row(frames: data.Frames, features: data.FeatureSet, batch: int) -> tf.data.Dataset:
    """The tutorials' pipeline, with the same columns but without histories."""
    columns: dict[str, tf.Tensor] = {}
    numbers = tf.range(len(frames.interactions), dtype=tf.int64)
    whole = data.training_dataset(frames, features, len(numbers), shuffle=False)
    for name, column in next(iter(whole)).items():
        if name != features.history.name:
            columns[name] = column
    dataset = tf.data.Dataset.from_tensor_slices(columns)
    return dataset.shuffle(len(numbers), seed=0).batch(batch).prefetch(tf.data.AUTOTUNE)


def consume(dataset: tf.data.Dataset) -> Callable[[], None]:
    """Returns a function that runs through the data set."""

    def run() -> None:
        for _ in dataset:
            pass

    return run


def main() -> None:
    """Prints the table and writes benchmarks/results/data_pipeline.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--movielens-1m", help="folder or archive; the synthetic data without it")
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--history", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    warnings.simplefilter("ignore", data.DataWarning)
    begin = time.perf_counter()
    if args.movielens_1m:
        frames = data.load_movielens("1m", args.movielens_1m)
    else:
        frames = data.synthetic(6_000, 3_700, 165)[0]
    loaded = time.perf_counter()
    features = data.fit_features(frames, history_length=args.history)
    gathered = data.training_dataset(frames, features, args.batch, seed=0)
    built = time.perf_counter()
    rows = row_by_row(frames, features, args.batch)
    seconds = median_seconds(
        {"whole batches, with histories": consume(gathered), "row by row, without": consume(rows)},
        repeats=args.repeats,
    )
    write(
        "data_pipeline",
        {
            "settings": {**vars(args), "movielens_1m": bool(args.movielens_1m)},
            "interactions": len(frames.interactions),
            "columns": len(gathered.element_spec),
            "seconds_to_load": loaded - begin,
            "seconds_to_fit_and_build": built - loaded,
            "seconds_per_pass": seconds,
            "times_faster": seconds["row by row, without"]
            / seconds["whole batches, with histories"],
        },
    )


if __name__ == "__main__":
    main()
