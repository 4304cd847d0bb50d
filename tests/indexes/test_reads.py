"""No search copies its corpus: the graphs gather rows of what they read, not of variables.

Once rows of a variable were gathered (the operation `ResourceGather`), TensorFlow copies the whole
variable whenever it is read: 256 MB a request for a million candidates of 64 numbers.
"""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import indexes

VECTORS = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
CALLS = {
    "search": lambda index, q: index.search(q, 3, tf.constant([[1, 2]])),
    "embeddings": lambda index, q: index.embeddings(tf.constant([0, 3])),
    "call": lambda index, q: index(q),
    "exclusions": lambda index, q: index.query_with_exclusions(q, [[7, 9]]),
}
KINDS = {
    "exact": indexes.Exact,
    "quantized": indexes.Quantized,
    "scann": indexes.ScaNN,
}


def operations(call, index):
    function = tf.function(lambda q: call(index, q), autograph=False)
    graph = function.get_concrete_function(tf.TensorSpec([1, 8])).graph
    inner = graph.as_graph_def().library.function
    return {op.type for op in graph.get_operations()} | {n.op for f in inner for n in f.node_def}


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_are_gathered_from_a_variable(kind):
    if kind == "scann":
        pytest.importorskip("scann")
    index = KINDS[kind](k=3).index(VECTORS, np.arange(40))
    found = set().union(*(operations(call, index) for call in CALLS.values()))
    assert "ReadVariableOp" in found
    assert "ResourceGather" not in found
