"""Files that are whole or not there: readers never find a part, whenever the writer is killed."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tfrs_ext.typing import PathLike

__all__ = ["read_json", "replacing", "write_json", "write_text"]


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[str]:
    """Gives a name beside `path` to write to, and renames what was written to `path` at the end.

    Where the block raises, `path` stays as it was and nothing is left beside it.

    Args:
        path: The file to write, on any file system that TensorFlow knows; its folder is made.

    Returns:
        A context whose value is the name of the file to write, in the same folder.

    Raises:
        OSError: The folder can't be written to.

    Relations:
        `write_text` and `write_json` do it in one call.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> with replacing(folder / "numbers.npy") as aside:
        ...     np.save(open(aside, "wb"), np.arange(3))
        >>> [file.name for file in folder.iterdir()]
        ['numbers.npy']
    """
    folder, name = os.path.split(os.fspath(path))
    tf.io.gfile.makedirs(folder or ".")
    # Threads and processes that write the same file each have a name of their own.
    aside = os.path.join(folder, f".{name}.{os.getpid()}.{threading.get_ident()}")
    try:
        yield aside
        tf.io.gfile.rename(aside, os.fspath(path), overwrite=True)
    except BaseException:
        with contextlib.suppress(tf.errors.NotFoundError):
            tf.io.gfile.remove(aside)
        raise


def write_text(path: PathLike, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all.

    Args:
        path: The file, on any file system that TensorFlow knows; its folder is made.
        text: What the file will hold.
    """
    with replacing(path) as aside, tf.io.gfile.GFile(aside, "w") as file:
        file.write(text)


def write_json(path: PathLike, value: Any) -> None:
    """Writes a JSON file, whole or not at all.

    Args:
        path: The file, on any file system that TensorFlow knows; its folder is made.
        value: What `json.dumps` takes.
    """
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: PathLike) -> Any:
    """Returns the value of a JSON file, or None where there is no such file.

    Args:
        path: The file, on any file system that TensorFlow knows.

    Raises:
        ValueError: The file holds no JSON.
    """
    if not tf.io.gfile.exists(os.fspath(path)):
        return None
    with tf.io.gfile.GFile(os.fspath(path)) as file:
        text = file.read()
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"`path` must be a file of JSON, received {path}: {error}.") from None
