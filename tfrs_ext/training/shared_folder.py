"""The folder of a training that several processes do together."""

import contextlib
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import tensorflow as tf

from tfrs_ext.files import hold_folder
from tfrs_ext.typing import PathLike


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether this process writes what a training leaves: it is the first, or alone.

    Args:
        strategy: How the training is shared out.
    """
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    # Some launchers name one task the chief, beside which there is a worker 0, too.
    has_chief = "chief" in resolver.cluster_spec().jobs
    return (resolver.task_type, resolver.task_id) == ("chief" if has_chief else "worker", 0)


@contextlib.contextmanager
def hold_training(folder: PathLike, strategy: tf.distribute.Strategy) -> Iterator[pathlib.Path]:
    """Gives the chief the folder, and the other workers a copy that ends with the block.

    All of them write checkpoints: some variables are sums over the replicas, which are read by all
    together. The first step waits for all, so that the copy is made before the chief writes.

    Args:
        folder: The folder.
        strategy: How the training is shared out.

    Raises:
        RuntimeError: Another process holds the folder.
    """
    if is_chief(strategy):
        with hold_folder(folder) as held:
            yield held
        return
    with tempfile.TemporaryDirectory() as copy:
        if pathlib.Path(folder).exists():
            shutil.copytree(folder, copy, copy_function=_copy_what_is_there, dirs_exist_ok=True)
        yield pathlib.Path(copy)


def _copy_what_is_there(source: str, target: str) -> None:
    # A chief who begins anew removes files meanwhile: they aren't missed.
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, target)
