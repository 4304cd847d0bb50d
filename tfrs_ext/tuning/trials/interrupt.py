"""Ctrl-C that isn't lost: Python drops the exception where it falls into a finalizer."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interrupt:
    """Remembers Ctrl-C, so that a search ends by the next batch at the latest."""

    def __init__(self) -> None:
        self._asked = False

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Listens, unless this isn't the main thread or the program has a handler of its own."""
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        signal.signal(signal.SIGINT, self._ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        signal.default_int_handler(number, frame)

    def check(self) -> None:
        """Raises `KeyboardInterrupt` where Ctrl-C was pressed."""
        if self._asked:
            raise KeyboardInterrupt
