"""Sources of negatives: each is asked for one batch, and answers with a pool."""

from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.catalogue import Catalogue
from tfrs_ext.negatives.cross_replica import CrossReplica
from tfrs_ext.negatives.explicit import Explicit
from tfrs_ext.negatives.hard import Hard
from tfrs_ext.negatives.hard_from_index import HardFromIndex
from tfrs_ext.negatives.in_batch import InBatch
from tfrs_ext.negatives.memory_queue import MemoryQueue
from tfrs_ext.negatives.mixed import Mixed
from tfrs_ext.negatives.per_query import PerQuery
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.popularity import Popularity
from tfrs_ext.negatives.source import Source
from tfrs_ext.negatives.uniform import Uniform
from tfrs_ext.negatives.whole_catalogue import WholeCatalogue

__all__ = [
    "Batch",
    "Catalogue",
    "CrossReplica",
    "Explicit",
    "Hard",
    "HardFromIndex",
    "InBatch",
    "MemoryQueue",
    "Mixed",
    "PerQuery",
    "Pool",
    "Popularity",
    "Source",
    "Uniform",
    "WholeCatalogue",
]
