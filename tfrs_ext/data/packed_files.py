"""Files, whether compressed or not, as streams of bytes."""

import bz2
import gzip
import lzma
import pathlib
import zipfile
from collections.abc import Callable
from typing import IO, Any

PACKED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def open_bytes(path: pathlib.Path) -> IO[bytes]:
    """Opens a file for reading; of a zip file, the only file in it.

    Raises:
        ValueError: A zip file holds several files.
    """
    ending = path.suffix.lower()
    if ending != ".zip":
        stream: IO[bytes] = PACKED.get(ending, open)(path, "rb")
        return stream
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if len(names) != 1:
        raise ValueError(f"{path.name} must hold one file, received {len(names)}. Unpack it.")
    return archive.open(names[0])
