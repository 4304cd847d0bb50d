"""How long each stage takes."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.stages.two_stage import TwoStage

_REPEATS = 30


def time_stages(
    system: TwoStage,
    queries: Mapping[str, npt.NDArray[Any]],
    seen: tf.RaggedTensor,
    k: int = 10,
) -> dict[str, float]:
    """Returns the median milliseconds that one query takes in each stage, traced and warm.

    Args:
        system: The stages.
        queries: `{column: [Q, ...]}`, of which the first is asked.
        seen: `[Q, (S)]` positions of the items that each query leaves out.
        k: How many items are shown.

    Returns:
        `{"generate": …, "rank": …, "re-rank": …}`.
    """
    one = {name: tf.constant(values[:1]) for name, values in queries.items()}
    excluded = tf.cast(seen[:1], tf.int32).to_tensor(-1)
    excluded = tf.pad(excluded, [[0, 0], [0, 1]], constant_values=-1)
    found = system.generate(one, excluded)
    ranked = system.rank(one, *found)
    return {
        "generate": _time(system.generate, one, excluded),
        "rank": _time(system.rank, one, *found),
        "re-rank": _time(system.rerank, ranked, {}, tf.constant(k)),
    }


def _time(stage: Callable[..., object], *arguments: Any) -> float:
    # Small tensors from outside would become constants, and the work with them be folded away.
    graph = tf.function(stage, autograph=False)
    graph(*arguments)
    times = []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        graph(*arguments)
        times.append(time.perf_counter() - begin)
    return float(1e3 * np.median(times))
