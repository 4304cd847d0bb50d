"""Versions of a served model: folders `base/<number>/`, published whole or not at all."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator

from tfrs_ext.typing import PathLike

_UNFINISHED = ".unfinished-"
_WITHDRAWN = ".withdrawn"
_PATTERNS = "*?["
_FOLDER_MODE, _FILE_MODE = 0o755, 0o644
# One rule for names: a number that fits in 64 bits, written in the one way that requests write it.
_NUMBERED = re.compile(rf"(0|[1-9][0-9]{{0,17}})({re.escape(_WITHDRAWN)})?")


def list_versions(base: PathLike) -> list[int]:
    """Returns the numbers of the finished versions in `base`, ascending.

    A version is a folder whose name is a number of at most 18 digits without leading zeros.

    Args:
        base: The model's folder of versions.

    Example:
        >>> list_versions("a/folder/that/does/not/exist")
        []
    """
    base = pathlib.Path(base)
    if not base.is_dir():
        return []
    # Names first: what lies beside the versions, such as lost+found, may not be looked into.
    numbers = [int(match[1]) for match in _match_names(base) if not match[2]]
    # Unlike Path.is_file, this is False where the folder may not be looked into.
    return sorted(n for n in numbers if os.path.isfile(base / str(n) / "saved_model.pb"))


def latest_version(base: PathLike) -> pathlib.Path | None:
    """Returns the folder of the newest finished version, the one that a server takes, or None.

    Args:
        base: The model's folder of versions.
    """
    numbers = list_versions(base)
    return pathlib.Path(base) / str(numbers[-1]) if numbers else None


def rollback(base: PathLike) -> pathlib.Path:
    """Withdraws the newest version, so that the server goes back to the one before.

    The version is renamed to `<number>.withdrawn`, which servers ignore; its number is not given
    out again.

    Args:
        base: The model's folder of versions.

    Returns:
        The folder of the version that is the newest now.

    Raises:
        ValueError: Where there is no earlier version to go back to.
    """
    base = pathlib.Path(base)
    with _locked(base):
        numbers = list_versions(base)
        if len(numbers) < 2:
            raise ValueError(
                f"`base` must hold at least two versions for a rollback, received versions "
                f"{numbers} in {base}."
            )
        newest = base / str(numbers[-1])
        newest.rename(newest.with_name(newest.name + _WITHDRAWN))
        _sync(base)
    return base / str(numbers[-2])


def prune(base: PathLike, keep: int) -> list[int]:
    """Deletes all but the `keep` newest versions, and withdrawn ones older than those.

    Args:
        base: The model's folder of versions.
        keep: How many versions stay.

    Returns:
        The numbers of the versions deleted.
    """
    if keep < 1:
        raise ValueError(f"`keep` must be at least 1, received keep={keep}.")
    base = pathlib.Path(base)
    if not base.is_dir():
        return []
    with _locked(base):
        numbers = list_versions(base)
        old = numbers[:-keep]
        oldest_kept = numbers[-keep:][0] if numbers else 0
        for entry in list(base.iterdir()):
            match = _NUMBERED.fullmatch(entry.name)
            withdrawn = match and match[2] and int(match[1]) < oldest_kept
            if withdrawn or (match and not match[2] and int(match[1]) in old):
                _remove(entry)
    return old


def publish(base: PathLike, write: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Lets `write` fill a folder, and publishes it as the next version.

    The folder lies in `base` under a name that servers ignore. When `write` returns, its files
    are written through to the disk and one rename makes it `base/<next number>`; when it raises,
    the folder is removed. What a killed process left behind is removed by the next call.

    Args:
        base: Folder of the model's versions; made where it is missing. Folders and files that are
            made can be read by everybody, whatever the umask.
        write: Called with the unfinished folder.

    Returns:
        The folder of the new version.
    """
    base = pathlib.Path(base)
    _make_readable(base)
    with _locked(base):
        _remove_leftovers(base)
        unfinished = pathlib.Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=base))
        # This lock ends with the process, however that ends: it tells work from leftovers.
        handle = os.open(unfinished, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        write(unfinished)
        for path in [unfinished, *unfinished.rglob("*")]:
            # mkdtemp's 0700 and a strict umask would hide the version from a server's user.
            path.chmod(_FOLDER_MODE if path.is_dir() else _FILE_MODE)
            _sync(path)
        with _locked(base):
            version = unfinished.rename(base / str(_next_number(base)))
            _sync(base)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    finally:
        os.close(handle)
    return version


def check_base(base: PathLike) -> None:
    """Raises ValueError where versions can't be published in `base`; makes nothing."""
    path = pathlib.Path(base)
    unusable = sorted(set(str(path)) & set(_PATTERNS))
    if unusable:
        raise ValueError(
            f"`base` must be a path without {_PATTERNS}, which TensorFlow reads as patterns, "
            f"received {os.fspath(path)!r}."
        )
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise ValueError(
            f"`base` must be a folder that can be made or written to, received "
            f"{os.fspath(path)!r}: {existing} is {_describe(existing)}."
        )


def _describe(path: pathlib.Path) -> str:
    return "not writable" if path.is_dir() else "no folder"


def _make_readable(base: pathlib.Path) -> None:
    missing = [folder for folder in (base, *base.parents) if not folder.exists()]
    base.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        folder.chmod(_FOLDER_MODE)


def _next_number(base: pathlib.Path) -> int:
    return max((int(match[1]) for match in _match_names(base)), default=0) + 1


def _match_names(base: pathlib.Path) -> list[re.Match[str]]:
    matches = (_NUMBERED.fullmatch(entry.name) for entry in base.iterdir())
    return [match for match in matches if match]


def _remove(version: pathlib.Path) -> None:
    # Renamed first: a server must never see half of a version.
    doomed = version.with_name(f"{_UNFINISHED}{version.name}-{os.getpid()}")
    version.rename(doomed)
    shutil.rmtree(doomed)


def _remove_leftovers(base: pathlib.Path) -> None:
    for path in base.glob(f"{_UNFINISHED}*"):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(handle)


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sync(path: pathlib.Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
