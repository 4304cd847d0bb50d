"""Downloads that are either whole or not there."""

import pathlib
import urllib.request
import zipfile
from typing import BinaryIO

from tfrs_ext.files import replace_file

_SECONDS = 30
_CHUNK = 1 << 20


def download_zip(url: str, folder: pathlib.Path) -> pathlib.Path:
    """Returns the zip file of an address, from the folder where it was fetched before.

    Args:
        url: The address; its last part names the file.
        folder: Where to keep it.

    Raises:
        ConnectionError: If it can't be fetched, or what came is cut short or no zip file.
    """
    target = folder / url.rsplit("/", 1)[-1]
    if target.exists():
        return target
    try:
        with replace_file(target) as part:
            with open(part, "wb") as file:
                _fetch(url, file)
            _check_whole(part)
    except (OSError, zipfile.BadZipFile) as error:
        raise ConnectionError(
            f"Could not download {url} ({error}). Download it by hand and give the file as `path`."
        ) from error
    return target


def _fetch(url: str, file: BinaryIO) -> None:
    with urllib.request.urlopen(url, timeout=_SECONDS) as response:
        expected, received = response.headers.get("Content-Length"), 0
        while chunk := response.read(_CHUNK):
            received += len(chunk)
            file.write(chunk)
    if expected is not None and int(expected) != received:
        raise OSError(f"{received:,} of {int(expected):,} bytes came")


def _check_whole(path: pathlib.Path) -> None:
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"{damaged} is damaged")
