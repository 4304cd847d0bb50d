"""What a search may vary: small functions that read `hp`, to compose at will.

Each takes keras-tuner's `HyperParameters` (or `tuning.fixed(values)`), registers hyper-parameters
under the names of the arguments that they become, with this package's defaults, and returns the
arguments or the object made of them.
"""

from tfrs_ext.tuning.space.losses import loss, loss_kinds
from tfrs_ext.tuning.space.ranking import ranker
from tfrs_ext.tuning.space.retrieval import retriever, temperature
from tfrs_ext.tuning.space.sources import negatives
from tfrs_ext.tuning.space.training import batch_size, optimizer

__all__ = [
    "batch_size",
    "loss",
    "loss_kinds",
    "negatives",
    "optimizer",
    "ranker",
    "retriever",
    "temperature",
]
