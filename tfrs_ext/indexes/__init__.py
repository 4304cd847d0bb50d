"""Top-k layers over a corpus of candidates."""

from tfrs_ext.indexes.batched_search import merge_answers, search_batches
from tfrs_ext.indexes.choice import best_for, build_index
from tfrs_ext.indexes.exact import Exact
from tfrs_ext.indexes.index import Index
from tfrs_ext.indexes.kinds import index_class, index_kinds
from tfrs_ext.indexes.op_library import find_op_library, load_op_library
from tfrs_ext.indexes.processor import use_avx2
from tfrs_ext.indexes.quantized import Quantized
from tfrs_ext.indexes.scann import ScaNN
from tfrs_ext.indexes.sharded import Sharded

__all__ = [
    "Exact",
    "Index",
    "Quantized",
    "ScaNN",
    "Sharded",
    "best_for",
    "build_index",
    "find_op_library",
    "index_class",
    "index_kinds",
    "load_op_library",
    "merge_answers",
    "search_batches",
    "use_avx2",
]
