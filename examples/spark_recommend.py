"""Recommendations for everybody on Spark: each task loads the version once, and asks it in batches.

    python examples/spark_recommend.py --version saved_models/movies/7 --requests users.parquet \
        --out recs -k 100 --partitions 200

The workers need `pip install "tfrs-ext[spark]"` (and `tfrs-ext[scann]` where the version's index is
ScaNN), and the version's folder under the same path. Without `--master` Spark runs in this machine.
"""

import argparse

import pandas as pd
from pyspark.sql import SparkSession

from tfrs_ext import serving

TYPES = {
    "bool": "boolean",
    "int32": "int",
    "int64": "long",
    "float32": "float",
    "float64": "double",
}


def schema_of(version: str, requests: pd.DataFrame) -> str:
    """Returns what the answers' columns are called and hold, in Spark's words.

    Args:
        version: The version's folder.
        requests: Some requests.
    """
    (answers,) = serving.Recommender(version, k=1).map_frames(iter([requests.head(1)]))

    def word(cell: object) -> str:
        return TYPES.get(getattr(cell, "dtype", pd.Series([cell]).dtype).name, "string")

    asked = [f"`{name}` {word(requests[name].iloc[0])}" for name in requests]
    added = [name for name in answers if name not in requests]
    return ", ".join(asked + [f"`{name}` array<{word(answers[name][0][0])}>" for name in added])


def main(arguments: list[str] | None = None) -> None:
    """Reads requests, and writes what each is recommended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--requests", required=True, help="Parquet with the columns of `recommend`")
    parser.add_argument("--out", required=True)
    parser.add_argument("-k", type=int, default=100)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--master", default="local[2]")
    options = parser.parse_args(arguments)
    spark = (
        SparkSession.builder.master(options.master)
        .config("spark.ui.enabled", "false")
        .appName("recommend")
        .getOrCreate()
    )
    try:
        requests = spark.read.parquet(options.requests)
        schema = schema_of(options.version, requests.limit(1).toPandas())
        recommender = serving.Recommender(options.version, options.k)
        recommended = requests.repartition(options.partitions).mapInPandas(
            recommender.map_frames, schema
        )
        recommended.write.parquet(options.out)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
