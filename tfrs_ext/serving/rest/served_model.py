"""The versions of one model that answer now, kept up with its folder."""

import contextlib
import logging
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tfrs_ext.serving.publishing.versions import list_versions
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.servable import Servable
from tfrs_ext.typing import PathLike

_LONGEST_WAIT = 60.0
_log = logging.getLogger(__name__)


class _Lent:
    """A servable with the number of requests that use it; closed when the last one is done."""

    def __init__(self, servable: Servable) -> None:
        self.servable = servable
        self.requests = 0
        self.retired = False


class _Failure(NamedTuple):
    """Why a version doesn't load, and when it is tried again.

    Attributes:
        reason: What was raised.
        stamp: What its files were like; where they change, it is tried at once.
        tries: How often it failed.
        again: The time of the next try, by the monotonic clock.
    """

    reason: str
    stamp: object
    tries: int
    again: float


class ServedModel:
    """Loads the newest versions under a folder, and lets the others go when they are idle.

    A version that doesn't load is passed over, with the reason in `states`: what is served stays
    until something newer answers. It is tried again when its files change, and after 1, 2, 4 and
    so on up to 60 seconds, since the cause may pass without a change of the files.

    Args:
        base: The model's folder of versions.
        num_versions: How many versions answer at a time.
        labels: Versions by the labels that requests may call them by, such as "stable". They
            answer beside the newest ones.
    """

    def __init__(
        self, base: PathLike, num_versions: int = 1, labels: Mapping[str, int] | None = None
    ) -> None:
        if num_versions < 1:
            raise ValueError(f"`num_versions` must be at least 1, received {num_versions}.")
        self.base = pathlib.Path(base)
        self.num_versions = num_versions
        self.labels = dict(labels or {})
        self._lock = threading.Lock()
        self._served: dict[int, _Lent] = {}
        self._failed: dict[int, _Failure] = {}

    def refresh(self) -> None:
        """Looks into the folder, and loads and lets go what that asks for."""
        wanted = self._newest_that_load()
        if not wanted:
            return
        with self._lock:
            old = [self._served.pop(n) for n in sorted(set(self._served) - wanted)]
            for lent in old:
                lent.retired = True
            idle = [lent for lent in old if not lent.requests]
        for lent in idle:
            lent.servable.close()

    def _newest_that_load(self) -> set[int]:
        found: set[int] = set()
        numbers = list_versions(self.base)
        self._failed = {n: failure for n, failure in self._failed.items() if n in numbers}
        for number in reversed(numbers):
            if len(found) == self.num_versions:
                break
            if number in self._served or self._load(number):
                found.add(number)
        labelled = set(self.labels.values()).intersection(numbers) - found
        return found | {n for n in sorted(labelled) if n in self._served or self._load(n)}

    def labelled(self, label: str) -> int:
        """Returns the number of the version with a label.

        Args:
            label: One of `labels`.

        Raises:
            RequestError: Where there is no such label.
        """
        if label not in self.labels:
            raise RequestError(f"No version has the label {label!r}, only {self.labels}.", 404)
        return self.labels[label]

    def _load(self, number: int) -> bool:
        path = self.base / str(number)
        stamp, before, now = _stamp(path), self._failed.get(number), time.monotonic()
        if before is not None and before.stamp == stamp and now < before.again:
            return False
        try:
            servable = Servable(path)
        except Exception as error:
            if not path.is_dir():
                return False  # Pruned or withdrawn meanwhile.
            tries = 1 if before is None or before.stamp != stamp else before.tries + 1
            wait = min(2.0 ** (tries - 1), _LONGEST_WAIT)
            reason = f"{type(error).__name__}: {error}"
            self._failed = {**self._failed, number: _Failure(reason, stamp, tries, now + wait)}
            if before is None or before.reason != reason:
                _log.warning("%s doesn't load, and is tried again: %s", path, error)
            return False
        with self._lock:
            self._served[number] = _Lent(servable)
            self._failed = {n: failure for n, failure in self._failed.items() if n != number}
        _log.info("%s answers from now on", path)
        return True

    @contextlib.contextmanager
    def lease(
        self,
        version: int | None = None,
        close: Callable[[Servable], object] = Servable.close,
    ) -> Iterator[tuple[int, Servable]]:
        """Lends a version for a request: it isn't closed before the request is done.

        Args:
            version: Its number; None for the newest.
            close: Called with the version where it is to be closed, and this was its last
                request. Closing takes long.

        Yields:
            The number and the loaded version.

        Raises:
            RequestError: Where it isn't served.
        """
        with self._lock:
            number = max(self._served, default=None) if version is None else version
            lent = None if number is None else self._served.get(number)
            if lent is None or number is None:
                served = sorted(self._served)
                raise RequestError(f"Version {version} isn't served, only {served}.", 404)
            lent.requests += 1
        try:
            yield number, lent.servable
        finally:
            with self._lock:
                lent.requests -= 1
                last = lent.retired and not lent.requests
            if last:
                close(lent.servable)

    def served(self) -> list[int]:
        """Returns the numbers of the versions that answer, newest first."""
        with self._lock:
            return sorted(self._served, reverse=True)

    def states(self) -> dict[int, str | None]:
        """Returns by version None where it answers, else the reason why not, newest first."""
        with self._lock:
            served: dict[int, str | None] = dict.fromkeys(self._served)
        failed = {number: failure.reason for number, failure in self._failed.items()}
        return dict(sorted({**failed, **served}.items(), reverse=True))

    def close(self) -> None:
        """Lets all versions go."""
        with self._lock:
            served, self._served = self._served, {}
        for lent in served.values():
            lent.servable.close()


def _stamp(path: pathlib.Path) -> object:
    """Returns what tells a version's files from those of another time."""
    facts = []
    for folder, _, names in os.walk(path):
        for name in (folder, *(os.path.join(folder, name) for name in names)):
            with contextlib.suppress(OSError):
                stat = os.stat(name)
                facts.append((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    return sorted(facts)
