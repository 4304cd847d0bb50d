"""What every source of negatives is: a layer that answers with a pool."""

from typing import Any, TypeVar

from tfrs_ext._keras import keras
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.ops.tracing import as_users_wrote
from tfrs_ext.typing import Config

_Source = TypeVar("_Source", bound="Source")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Source(keras.layers.Layer):
    """A source of negatives: the base of every class in this folder that answers with a pool.

    A source answers for one batch with its positives and with the negatives that all its queries
    share, each with the log-probability with which one draw of the source gives it. Sources hold
    other sources (`Mixed`, `MemoryQueue`, `CrossReplica`, `Hard`), and compose.

    To write one, implement `draw`; state belongs in variables, so that it is saved. Parts of a
    source that are layers, other sources among them, go into its configuration if `PARTS` names
    the arguments that they came by.

    Args:
        **kwargs: Arguments of Keras layers, such as `name`.

    Relations:
        `InBatch` is what a task takes where it is given no source.

    Example:
        >>> from tfrs_ext.candidates import Candidates
        >>> class Bestsellers(Source):
        ...     def draw(self, batch):
        ...         ids = tf.constant([3, 5])
        ...         return Pool(batch.positives, Candidates(batch.embed(ids), ids))
    """

    PARTS: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        self.built = True  # A source is asked by `draw`: Keras never calls it.

    def draw(self, batch: Batch) -> Pool:
        """Returns the positives and negatives of one batch.

        Args:
            batch: What the towers made of the batch, and what else there is to read.
        """
        raise NotImplementedError(f"{type(self).__name__} must have the method `draw`.")

    def draw_shared(self, batch: Batch) -> Pool:
        """Returns what `draw` does, for a source that goes on with it.

        Args:
            batch: What the towers made of the batch, and what else there is to read.

        Raises:
            ValueError: The queries don't share all rows.
        """
        pool = as_users_wrote(self.draw)(batch)
        if pool.mask is not None:
            raise ValueError(
                "`source` must answer with rows that all queries share, received "
                f"{type(self).__name__}: let it be the outermost source."
            )
        return pool

    def get_config(self) -> Config:
        """Returns the constructor's arguments, as far as they are layers that `PARTS` names."""
        return {**super().get_config(), **{name: _serialize(self, name) for name in self.PARTS}}

    @classmethod
    def from_config(cls: type[_Source], config: Config) -> _Source:
        """Builds the source that `get_config` described."""
        return cls(**{**config, **{name: _deserialize(config[name]) for name in cls.PARTS}})


def _serialize(source: Source, name: str) -> Config | list[Config] | None:
    part = getattr(source, name)
    if isinstance(part, (list, tuple)):
        return [keras.saving.serialize_keras_object(item) for item in part]
    return None if part is None else keras.saving.serialize_keras_object(part)


def _deserialize(config: Config | list[Config] | None) -> Any:
    if isinstance(config, list):
        return [keras.saving.deserialize_keras_object(item) for item in config]
    return None if config is None else keras.saving.deserialize_keras_object(config)
