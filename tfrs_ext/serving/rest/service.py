"""What a server holds while it runs."""

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from tfrs_ext.serving.rest.answer_log import AnswerLog
from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.monitoring import Monitor
from tfrs_ext.serving.rest.predict import Asked, predict
from tfrs_ext.serving.rest.served_model import ServedModel

_log = logging.getLogger(__name__)


class Service:
    """Models, limits and counts, which the endpoints answer from.

    Args:
        models: The models by name.
        limits: What is taken on.
        answer_log: Where answers are logged, or None.
    """

    def __init__(
        self,
        models: Mapping[str, ServedModel],
        limits: Limits,
        answer_log: AnswerLog | None = None,
    ) -> None:
        self.answer_log = answer_log
        self.models, self.limits, self.monitor = models, limits, Monitor()
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

    def predict(self, name: str, version: int | None, body: bytes) -> bytes:
        """Returns the answer to a prediction's body, as JSON; any number of threads may call.

        Args:
            name: The model's.
            version: The version's number, or None for the newest.
            body: JSON.

        Raises:
            RequestError: Where it can't be answered.
        """
        start, status = time.monotonic(), 500
        try:
            with self.models[name].lease(version) as (number, servable):
                asked: list[Asked] = []
                answer = to_json(predict(servable, body, self.limits, asked.append))
                if self.answer_log is not None:
                    self.answer_log.write(name, self.models[name].base / str(number), *asked[0])
            status = 200
        except RequestError as error:
            status = error.status
            raise
        finally:
            self.monitor.count(name, status, time.monotonic() - start)
        return answer

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
        """Lets all models go."""
        for model in self.models.values():
            model.close()


def to_json(value: dict[str, Any]) -> bytes:
    """Returns an answer's body.

    Raises:
        RequestError: Where a number is NaN or infinite, for which JSON has no word.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise RequestError("The model answers these inputs with NaN or infinity.") from error
    return text.encode("utf-8", "replace")
