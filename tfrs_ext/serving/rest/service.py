"""What a server holds while it runs."""

import asyncio
import concurrent.futures
import contextlib
import functools
import logging
import threading
import time
from collections.abc import Iterator, Mapping

from tfrs_ext.serving.rest.answer_log import AnswerLog
from tfrs_ext.serving.rest.batcher import Batcher
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.monitoring import Monitor
from tfrs_ext.serving.rest.predict import (
    Arrays,
    Question,
    read_question,
    run,
    write_answer,
)
from tfrs_ext.serving.rest.servable import Servable
from tfrs_ext.serving.rest.served_model import ServedModel

_READ_AT_ONCE = 2048  # Bytes of a body that are read sooner than they are handed to a thread.
_log = logging.getLogger(__name__)


class Service:
    """Models, limits and counts, which the endpoints answer from.

    Args:
        models: The models by name.
        limits: What is taken on.
        answer_log: Where answers are logged, or None.
        batcher: What joins requests, or None where each runs by itself.
    """

    def __init__(
        self,
        models: Mapping[str, ServedModel],
        limits: Limits,
        answer_log: AnswerLog | None = None,
        batcher: Batcher | None = None,
    ) -> None:
        self.answer_log = answer_log
        self.models, self.limits, self.monitor = models, limits, Monitor()
        self._batcher = batcher
        # Nothing but predictions waits for them.
        self._threads = concurrent.futures.ThreadPoolExecutor(limits.threads, "prediction")
        self.in_flight = 0
        self.is_stopping = False

    @contextlib.contextmanager
    def admit(self) -> Iterator[None]:
        """Counts a prediction while it runs or waits; called in the event loop's thread alone.

        Raises:
            RequestError: Where there are too many.
        """
        if self.in_flight >= self.limits.in_flight:
            raise RequestError(
                f"{self.in_flight} predictions are under way, more aren't taken: try again.",
                503,
                {"retry-after": "1"},
            )
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    async def answer(self, name: str, version: int | None, body: bytes) -> bytes:
        """Returns the answer to a prediction's body, as JSON; nothing waits for it in the loop.

        Args:
            name: The model's.
            version: The version's number, or None for the newest.
            body: JSON.

        Raises:
            RequestError: Where it can't be answered.
        """
        if self._batcher is None:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self.predict, name, version, body
            )
        lease = self.models[name].lease(version, self._close_in_thread)
        with self._count(name), lease as (number, servable):
            question = await self._read(servable, body)
            finish = functools.partial(self._finish, name, number, question)
            return await self._batcher.answer(servable, question, finish, self._threads)

    def predict(self, name: str, version: int | None, body: bytes) -> bytes:
        """Answers as `answer` does where nothing is joined; any number of threads may call it."""
        with self._count(name), self.models[name].lease(version) as (number, servable):
            question = read_question(servable, body, self.limits)
            outputs = run(servable, question.signature, question.inputs, self.limits)
            return self._finish(name, number, question, outputs)

    async def _read(self, servable: Servable, body: bytes) -> Question:
        if len(body) <= _READ_AT_ONCE:
            return read_question(servable, body, self.limits)
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, read_question, servable, body, self.limits
        )

    def _finish(self, name: str, number: int, question: Question, outputs: Arrays) -> bytes:
        answer = write_answer(question, outputs)
        if self.answer_log is not None:
            folder = self.models[name].base / str(number)
            self.answer_log.write(name, folder, question.signature, question.inputs, outputs)
        return answer

    @contextlib.contextmanager
    def _count(self, name: str) -> Iterator[None]:
        start, status = time.monotonic(), 500
        try:
            yield
            status = 200
        except RequestError as error:
            status = error.status
            raise
        finally:
            self.monitor.count(name, status, time.monotonic() - start)

    def _close_in_thread(self, servable: Servable) -> None:
        self._threads.submit(servable.close)

    def refresh(self) -> None:
        """Looks into the folders of all models."""
        for model in self.models.values():
            try:
                model.refresh()
            except Exception as error:
                _log.error("couldn't look into %s: %s", model.base, error)

    def watch(self, stop: threading.Event, poll_seconds: float) -> None:
        """Looks into the folders again and again, until `stop` is set."""
        while not stop.wait(poll_seconds):
            self.refresh()

    def close(self) -> None:
        """Lets all models go, and the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for model in self.models.values():
            model.close()
