"""Files that are whole or not there, and folders that one process at a time writes to."""

import contextlib
import fcntl
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from tfrs_ext.typing import PathLike

__all__ = ["hold_folder", "read_json", "replace_file", "write_json"]

_MOST_BYTES = 1 << 28


@contextlib.contextmanager
def replace_file(path: PathLike) -> Iterator[pathlib.Path]:
    """Yields a path to write to, which takes the place of `path` when the block ends well.

    Readers find the old file or the new one, never a part, also where the process is killed. Where
    the block raises, the old file stays.

    Args:
        path: The file; its folder is made. The path that is yielded has the same ending, and lies
            in the same folder.

    Example:
        >>> import tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "deep", "page.html")
        >>> with replace_file(path) as part:
        ...     _ = part.write_text("whole")
        >>> path.read_text()
        'whole'
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: PathLike, value: object) -> None:
    """Writes a value as JSON, whole or not at all.

    Args:
        path: The file; its folder is made.
        value: What `json.dumps` accepts.

    Example:
        >>> import tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "values.json")
        >>> write_json(path, {"epochs": 3})
        >>> read_json(path)
        {'epochs': 3}
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    with replace_file(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def read_json(path: PathLike) -> Any:
    """Returns the value of a JSON file, or None where there is no such file.

    Args:
        path: The file.

    Raises:
        ValueError: The file isn't JSON, or is larger than any that this package writes; its name is
            in the message.
    """
    path = pathlib.Path(path)
    if not path.exists():
        return None
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(
            f"{path} must have at most {_MOST_BYTES:,} bytes, received {path.stat().st_size:,}: "
            "this package didn't write it."
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be a JSON file, received {error}: mend or delete it.") from (
            error
        )


@contextlib.contextmanager
def hold_folder(folder: PathLike) -> Iterator[pathlib.Path]:
    """Keeps other processes out of a folder until the block ends, or the process, however it ends.

    Args:
        folder: The folder, which is made. Processes meet at its file `.lock`, which stays.

    Raises:
        RuntimeError: Another process holds the folder.

    Example:
        >>> import tempfile
        >>> with hold_folder(tempfile.mkdtemp()) as folder:
        ...     (folder / ".lock").exists()
        True
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise RuntimeError(
                f"`folder` must be written by one process at a time, received {folder}, which "
                f"process {lock.read().strip() or 'unknown'} is using: wait for it, or name "
                "another folder."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield folder
