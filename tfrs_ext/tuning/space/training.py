"""How any model is trained."""

from tfrs_ext._keras import keras
from tfrs_ext.optimizers import LazyAdam
from tfrs_ext.typing import HyperParameters


def optimizer(hp: HyperParameters) -> keras.optimizers.Optimizer:
    """Returns Adagrad or a lazy Adam, each with a range of learning rates of its own.

    The weight decay is the lazy Adam's, which regularises the rows of the batch alone; Adagrad's
    would walk whole tables at every step.
    """
    name = hp.Choice("optimizer", ["adagrad", "adam"], default="adam")
    with hp.conditional_scope("optimizer", ["adagrad"]):
        adagrad_rate = hp.Float("adagrad_learning_rate", 0.01, 1.0, sampling="log", default=0.1)
    with hp.conditional_scope("optimizer", ["adam"]):
        adam_rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=2e-3)
        decay = hp.Choice("weight_decay", [0.0, 0.001, 0.01, 0.1], default=0.0)
    if name == "adam":
        return LazyAdam(adam_rate, weight_decay=decay or None)
    return keras.optimizers.Adagrad(adagrad_rate)


def batch_size(hp: HyperParameters) -> int:
    """Returns the number of rows in a batch, which is the number of in-batch negatives."""
    return hp.Choice("batch_size", [256, 512, 1024, 2048, 4096], default=1024)
