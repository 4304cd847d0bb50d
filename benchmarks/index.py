"""Top-k over many vectors: recall, time, memory and build time of our indexes and their peers.

Two corpora: vectors that a small two-tower learned from generated clicks, and hard ones, Zipf
clusters with heavy noise. All sides search the same batches in one process, with its threads,
in turns; memory is the growth of the process during the build.

Run: python -m benchmarks.index --items 1000000
"""

import argparse
import ctypes
import gc
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

# Threads of OpenMP that wait busily for their next call would slow the side that is measured next.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from benchmarks.timing import median_seconds, write
from tfrs_ext import indexes, tasks
from tfrs_ext._keras import keras
from tfrs_ext.indexes import use_avx2

K, BATCH, WIDTH, QUERIES = 100, 64, 64, 256
Search = Callable[[np.ndarray], Any]


def hard(items: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns items and queries of 3,000 Zipf clusters with noise of 0.8."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3000, WIDTH)).astype(np.float32)
    share = 1 / np.arange(1, 3001)

    def draw(rows: int) -> np.ndarray:
        which = rng.choice(3000, rows, p=share / share.sum())
        return centres[which] + 0.8 * rng.normal(size=(rows, WIDTH)).astype(np.float32)

    return draw(items), draw(2 * QUERIES)


def learned(items: int, steps: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Returns what two towers learned from clicks on the best of 20 popular items shown."""
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(500, 24)).astype(np.float32)
    truth = topics[rng.integers(500, size=items)] + 0.7 * rng.normal(size=(items, 24))
    truth = truth.astype(np.float32)
    popularity = np.cumsum(1 / np.arange(1, items + 1) ** 0.8)

    def draw_users(rows: int) -> np.ndarray:
        tastes = topics[rng.integers(500, size=(rows, 2))].mean(axis=1)
        return (tastes + 0.5 * rng.normal(size=(rows, 24))).astype(np.float32)

    def tower(name: str) -> Any:
        dense = keras.layers.Dense
        return keras.Sequential([dense(128, "relu"), dense(WIDTH)], name=name)

    user_tower, item_tower = tower("user"), tower("item")
    task = tasks.Retrieval(temperature=1.0, remove_accidental_hits=True)
    optimizer = keras.optimizers.Adam()

    @tf.function
    def step(users: tf.Tensor, clicked: tf.Tensor, ids: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = task(user_tower(users), item_tower(clicked), candidate_ids=ids)
        weights = user_tower.trainable_variables + item_tower.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    user_tower(truth[:1]), item_tower(truth[:1])
    optimizer.build(user_tower.trainable_variables + item_tower.trainable_variables)
    for _ in range(steps):
        users = draw_users(1024)
        shown = np.searchsorted(popularity, rng.random((1024, 20)) * popularity[-1])
        utility = np.einsum("bd,bsd->bs", users, truth[shown]) + rng.gumbel(size=shown.shape)
        ids = shown[np.arange(1024), utility.argmax(axis=1)]
        step(tf.constant(users), tf.constant(truth[ids]), tf.constant(ids))
    vectors = item_tower.predict(truth, batch_size=65536, verbose=0)
    return vectors, user_tower(draw_users(2 * QUERIES)).numpy()


def memory() -> int:
    """Returns the bytes that the process holds, without what it only hasn't given back yet."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def of_layer(layer: Any) -> Search:
    """Returns the search of a TFRS layer as a graph."""
    return tf.function(lambda queries: layer(queries)[1])


def exact(vectors: np.ndarray, _: np.ndarray) -> Iterator[tuple[str, Search]]:
    """`indexes.Exact`."""
    yield "", of_layer(indexes.Exact(k=K).index(vectors))


def brute_force(vectors: np.ndarray, _: np.ndarray) -> Iterator[tuple[str, Search]]:
    """TFRS's exact layer."""
    yield "", of_layer(tfrs.layers.factorized_top_k.BruteForce(k=K).index(tf.constant(vectors)))


def scann(vectors: np.ndarray, held_out: np.ndarray) -> Iterator[tuple[str, Search]]:
    """`indexes.ScaNN` with its defaults, and tuned for several recalls on other queries."""
    yield "defaults", of_layer(indexes.ScaNN(k=K).index(vectors))
    index, builds = indexes.ScaNN(k=K).index(vectors), {}
    for recall in (0.95, 0.8, 0.9, 0.98):
        start = time.perf_counter()
        index.tune(held_out, recall=recall, at=K, batch_size=BATCH, **builds)
        builds = {"num_leaves": (), "thresholds": ()}  # One build serves all recalls.
        print(recall, index.settings(), f"tuned in {time.perf_counter() - start:.0f} s", flush=True)
        search = of_layer(index)
        search(tf.constant(held_out[:BATCH]))  # Traced with these settings.
        leaves, reordered = index.num_leaves_to_search, index.num_reordering_candidates
        yield f"{index.num_leaves} leaves, searched {leaves}, reordered {reordered}", search


def tfrs_scann(vectors: np.ndarray, _: np.ndarray) -> Iterator[tuple[str, Search]]:
    """TFRS's layer over the same library, as TFRS users have it: with the kernels of its wheel."""
    import scann as library

    operations = pathlib.Path(library.__file__).parent / "scann_ops" / "cc" / "_scann_ops.so"
    leaves = round(len(vectors) ** 0.5)
    for searched in (0.005, 0.01, 0.02, 0.05, 0.1):
        layer = tfrs.layers.factorized_top_k.ScaNN(
            k=K,
            num_leaves=leaves,
            num_leaves_to_search=max(1, round(searched * leaves)),
            dimensions_per_block=1,
            num_reordering_candidates=2 * K,
        )
        graph = of_layer(layer.index(tf.constant(vectors)))

        def search(queries: tf.Tensor, graph: Search = graph) -> Any:
            use_avx2(operations, False)
            try:
                return graph(queries).numpy()
            finally:
                use_avx2(operations)

        yield f"{leaves} leaves, searched {round(searched * leaves)}, reordered {2 * K}", search


def faiss(vectors: np.ndarray, _: np.ndarray) -> Iterator[tuple[str, Search]]:
    """faiss: inverted lists, fast-scan codes, refined with the vectors."""
    import faiss as library

    library.omp_set_num_threads(os.cpu_count() or 1)
    root = len(vectors) ** 0.5
    for codes, lists in ((64, round(2 * root)), (64, round(root)), (32, round(2 * root))):
        index = library.index_factory(
            WIDTH, f"IVF{lists},PQ{codes}x4fs,RFlat", library.METRIC_INNER_PRODUCT
        )
        index.train(vectors[:100_000])
        index.add(vectors)

        def search(queries: Any, probes: int, factor: float, index: Any = index) -> Any:
            library.extract_index_ivf(index.base_index).nprobe = probes
            index.k_factor = factor
            return index.search(np.asarray(queries), K)[1]

        for share in (0.01, 0.02, 0.05, 0.1):
            for factor in (1.5, 2, 4):
                probes = max(1, round(share * lists))
                name = f"IVF{lists} PQ{codes}, probes {probes}, refined {factor} k"
                yield name, lambda q, p=probes, f=factor, s=search: s(q, p, f)


def hnswlib(vectors: np.ndarray, _: np.ndarray) -> Iterator[tuple[str, Search]]:
    """hnswlib: a graph."""
    import hnswlib as library

    index = library.Index("ip", WIDTH)
    index.init_index(len(vectors), M=16, ef_construction=100)
    index.set_num_threads(os.cpu_count() or 1)
    index.add_items(vectors)
    for breadth in (100, 200, 400, 800):

        def search(queries: Any, breadth: int = breadth) -> Any:
            index.set_ef(breadth)
            return index.knn_query(np.asarray(queries), K)[0].astype(np.int64)

        yield f"ef {breadth}", search


def usearch(vectors: np.ndarray, _: np.ndarray) -> Iterator[tuple[str, Search]]:
    """usearch: a graph, over half-precision vectors."""
    from usearch.index import Index

    index = Index(ndim=WIDTH, metric="ip", dtype="f16", connectivity=16, expansion_add=100)
    threads = os.cpu_count() or 1
    index.add(np.arange(len(vectors)), vectors, threads=threads)
    for breadth in (100, 200, 400, 800):

        def search(queries: Any, breadth: int = breadth) -> Any:
            index.expansion_search = breadth
            found = index.search(np.asarray(queries), K, threads=threads)
            return np.asarray(found.keys).astype(np.int64)

        yield f"expansion {breadth}", search


def quantized(vectors: np.ndarray, _: np.ndarray) -> Iterator[tuple[str, Search]]:
    """`indexes.Quantized`."""
    yield "", of_layer(indexes.Quantized(k=K).index(vectors))


SIDES = (exact, brute_force, quantized, scann, tfrs_scann, faiss, hnswlib, usearch)


def measure(vectors: np.ndarray, queries: np.ndarray, sides: list[str], repeats: int) -> list[Any]:
    """Returns a record for each side and setting."""
    held_out, queries = queries[:QUERIES], queries[QUERIES:]
    batches = [tf.constant(queries[i : i + BATCH]) for i in range(0, QUERIES, BATCH)]
    truth = indexes.Exact(k=K).index(vectors)
    best = [truth(batch)[1].numpy() for batch in batches]
    del truth
    searches: dict[tuple[str, str], Search] = {}
    built: dict[str, dict[str, float]] = {}
    for side in (side for side in SIDES if side.__name__ in sides):
        before, start = memory(), time.perf_counter()
        settings = side(vectors, held_out)
        name, search = next(settings)
        search(batches[0])
        built[side.__name__] = {
            "build_seconds": time.perf_counter() - start,
            "megabytes": (memory() - before) / 1e6,
        }
        searches[side.__name__, name] = search
        searches.update({(side.__name__, name): search for name, search in settings})
        print(side.__name__, built[side.__name__], flush=True)
    seconds = median_seconds(
        {
            str(key): lambda search=search: [search(batch) for batch in batches]
            for key, search in searches.items()
        },
        repeats=repeats,
        warm_up=1,
    )
    records = []
    for (side, setting), search in searches.items():
        hits = [
            np.isin(true, found).mean()
            for batch, rows in zip(batches, best, strict=True)
            for true, found in zip(rows, np.asarray(search(batch)), strict=True)
        ]
        records.append(
            {
                "side": side,
                "setting": setting,
                "recall": float(np.mean(hits)),
                "milliseconds": seconds[str((side, setting))] / QUERIES * 1e3,
                **built[side],
            }
        )
    return records


def main() -> None:
    """Prints the table and writes benchmarks/results/index.json."""
    names = [side.__name__ for side in SIDES]
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument(
        "--data", nargs="+", choices=["learned", "hard"], default=["learned", "hard"]
    )
    parser.add_argument("--sides", nargs="+", choices=names, default=names)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", default="index", help="name of the file in benchmarks/results")
    args = parser.parse_args()
    make = {"learned": learned, "hard": hard}
    result = {}
    for data in args.data:
        vectors, queries = make[data](args.items)
        result[data] = measure(vectors, queries, args.sides, args.repeats)
        slowest = next(r for r in result[data] if r["side"] == "brute_force")["milliseconds"]
        for record in result[data]:
            print(
                f"{data:8}{record['side']:12}{record['setting']:46}recall {record['recall']:.3f}"
                f"{record['milliseconds']:9.3f} ms{slowest / record['milliseconds']:7.1f}x"
            )
        # After each corpus: a run is long, and what it measured must not be lost.
        write(args.output, {"items": args.items, "width": WIDTH, "k": K, "batch": BATCH, **result})


if __name__ == "__main__":
    main()
