"""Checkpoints that are whole or not there."""

import pathlib
import shutil

import tensorflow as tf


def write_checkpoint(checkpoint: tf.train.Checkpoint, prefix: pathlib.Path) -> None:
    """Writes a checkpoint; where that fails, nothing of it stays.

    Args:
        checkpoint: What is written.
        prefix: What the names of its files begin with.

    Raises:
        OSError: It can't be written: the disk is full, or the folder is read-only.
    """
    try:
        checkpoint.write(str(prefix))
    except tf.errors.OpError as error:
        shutil.rmtree(f"{prefix}_temp", ignore_errors=True)
        reason = error.message.rpartition("; ")[2].partition(" [Op:")[0]
        raise OSError(
            f"{prefix} can't be written: {reason}. What was written before is whole: make room, "
            "and the same call goes on from there."
        ) from error
