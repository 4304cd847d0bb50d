"""The versions of one model that answer now, kept up with its folder."""

import contextlib
import logging
import os
import pathlib
import threading
from collections.abc import Iterator

from tfrs_ext.serving.publishing.versions import list_versions
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.servable import Servable

_log = logging.getLogger(__name__)


class _Lent:
    """A servable with the number of requests that use it; closed when the last one is done."""

    def __init__(self, servable: Servable) -> None:
        self.servable = servable
        self.requests = 0
        self.retired = False


class ServedModel:
    """Loads the newest versions under a folder, and lets the others go when they are idle.

    A version that doesn't load is passed over, with the reason in `states`, until its files
    change: what is served stays until something newer answers.

    Args:
        base: The model's folder of versions.
        num_versions: How many versions answer at a time.
    """

    def __init__(self, base: str | os.PathLike[str], num_versions: int = 1) -> None:
        if num_versions < 1:
            raise ValueError(f"`num_versions` must be at least 1, received {num_versions}.")
        self.base = pathlib.Path(base)
        self.num_versions = num_versions
        self._lock = threading.Lock()
        self._served: dict[int, _Lent] = {}
        self._failed: dict[int, tuple[int, str]] = {}

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
        return found

    def _load(self, number: int) -> bool:
        path = self.base / str(number)
        try:
            stamp = max(file.stat().st_mtime_ns for file in [path, *path.rglob("*")])
            if self._failed.get(number, (0, ""))[0] == stamp:
                return False
            servable = Servable(path)
        except FileNotFoundError:
            return False  # Pruned or withdrawn meanwhile.
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self._failed = {**self._failed, number: (stamp, reason)}
            _log.warning("%s doesn't load: %s", path, error)
            return False
        with self._lock:
            self._served[number] = _Lent(servable)
            self._failed = {n: failure for n, failure in self._failed.items() if n != number}
        _log.info("%s answers from now on", path)
        return True

    @contextlib.contextmanager
    def lease(self, version: int | None = None) -> Iterator[tuple[int, Servable]]:
        """Lends a version for a request: it isn't closed before the request is done.

        Args:
            version: Its number; None for the newest.

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
                lent.servable.close()

    def states(self) -> dict[int, str | None]:
        """Returns by version None where it answers, else the reason why not, newest first."""
        with self._lock:
            served: dict[int, str | None] = dict.fromkeys(self._served)
        failed = {number: reason for number, (_, reason) in self._failed.items()}
        return dict(sorted({**failed, **served}.items(), reverse=True))

    def close(self) -> None:
        """Lets all versions go."""
        with self._lock:
            served, self._served = self._served, {}
        for lent in served.values():
            lent.servable.close()
