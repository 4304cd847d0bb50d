"""Requests that wait for each other, answered by one run of the model."""

import asyncio
import collections
import concurrent.futures
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np

from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.predict import Arrays, Question, run
from tfrs_ext.serving.rest.servable import Servable

Finish = Callable[[Arrays], bytes]


class _Waiting(NamedTuple):
    """A request that waits.

    Attributes:
        question: What it asks.
        finish: Returns its answer to the outputs.
        answer: Where the answer goes.
    """

    question: Question
    finish: Finish
    answer: "asyncio.Future[bytes]"


class _Queue:
    """The requests of one kind that wait, and how many runs of that kind are under way."""

    def __init__(self) -> None:
        self.waiting: collections.deque[_Waiting] = collections.deque()
        self.runs = 0

    def take(self, max_rows: int) -> list[_Waiting]:
        """Takes the first request, and those after it that fit into a run with it."""
        taken = [self.waiting.popleft()]
        rows = taken[0].question.num_rows
        while self.waiting and rows + self.waiting[0].question.num_rows <= max_rows:
            taken.append(self.waiting.popleft())
            rows += taken[-1].question.num_rows
        return taken


class Batcher:
    """Joins requests along the rows, runs the model once for all of them, and splits its outputs.

    Requests are of one kind where they ask the same signature of the same version, with inputs of
    equal widths, and equal values where an input has no rows, such as `k`. A request runs at once
    where no other of its kind is under way. Those that come meanwhile run together next, or as soon
    as their rows fill a run. Nobody waits for others to come, and the busier the server, the more
    rows a run has.

    Where the model refuses joined rows, each request runs by itself, so that one request's error
    is no other's. All but `run_joined` belongs to the event loop's thread.

    Args:
        max_rows: The most rows of a joined run. A request with more runs by itself.
        limits: The bound on time. It holds for the joined run.

    Raises:
        ValueError: Where `max_rows` isn't positive.
    """

    def __init__(self, max_rows: int, limits: Limits) -> None:
        if max_rows < 1:
            raise ValueError(
                f"`max_batch_size` must be a positive integer, received max_batch_size={max_rows}."
            )
        self.max_rows, self._limits = max_rows, limits
        # A kind is in here while a run of it is under way.
        self._queues: dict[Hashable, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # The event loop itself holds them weakly.

    async def answer(
        self,
        servable: Servable,
        question: Question,
        finish: Finish,
        threads: concurrent.futures.Executor,
    ) -> bytes:
        """Returns the answer to a request.

        Args:
            servable: The loaded version.
            question: What it is asked.
            finish: Returns the answer to the outputs; it runs in one of the threads.
            threads: The threads of predictions.

        Raises:
            RequestError: Where it can't be answered.
        """
        kind = _find_kind(servable, question)
        own = _Waiting(question, finish, asyncio.get_running_loop().create_future())
        if kind is None:
            await self._run([own], servable, threads)
        else:
            self._put(kind, own, servable, threads)
        return await own.answer

    def _put(
        self,
        kind: Hashable,
        own: _Waiting,
        servable: Servable,
        threads: concurrent.futures.Executor,
    ) -> None:
        queue = self._queues.setdefault(kind, _Queue())
        queue.waiting.append(own)
        is_full = sum(one.question.num_rows for one in queue.waiting) >= self.max_rows
        if queue.runs and not is_full:
            return
        queue.runs += 1
        task = asyncio.create_task(self._run_all(kind, servable, threads))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_all(
        self, kind: Hashable, servable: Servable, threads: concurrent.futures.Executor
    ) -> None:
        queue = self._queues[kind]
        while queue.waiting:
            await self._run(queue.take(self.max_rows), servable, threads)
        queue.runs -= 1
        if not queue.runs:
            del self._queues[kind]

    async def _run(
        self,
        taken: list[_Waiting],
        servable: Servable,
        threads: concurrent.futures.Executor,
    ) -> None:
        asked = [(one.question, one.finish) for one in taken]
        try:
            answers = await asyncio.get_running_loop().run_in_executor(
                threads, run_joined, servable, asked, self._limits
            )
        except RuntimeError as error:  # The threads are no more: the server ends.
            answers = [error] * len(taken)
        for one, answer in zip(taken, answers, strict=True):
            if one.answer.done():
                continue  # Whoever waited was cancelled.
            if isinstance(answer, Exception):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)


def run_joined(
    servable: Servable, asked: Sequence[tuple[Question, Finish]], limits: Limits
) -> list[bytes | Exception]:
    """Returns an answer or an error to each of some requests of one kind, by one run.

    Args:
        servable: The loaded version.
        asked: What is asked, with what makes an answer of the outputs.
        limits: The bound on time.
    """
    questions = [question for question, _ in asked]
    try:
        outputs = _run_once(servable, questions, limits)
    except Exception as error:
        # No time is left where the time was over.
        is_over = isinstance(error, RequestError) and error.status == 504
        if len(asked) == 1 or is_over:
            return [error] * len(asked)
        return [run_joined(servable, [one], limits)[0] for one in asked]
    return [_try(finish, part) for (_, finish), part in zip(asked, outputs, strict=True)]


def _run_once(servable: Servable, questions: list[Question], limits: Limits) -> list[Arrays]:
    if len(questions) == 1:
        return [run(servable, questions[0].signature, questions[0].inputs, limits)]
    first = questions[0]
    joined = {
        name: np.concatenate([one.inputs[name] for one in questions]) if array.ndim else array
        for name, array in first.inputs.items()
    }
    outputs = run(servable, first.signature, joined, limits)
    ends = np.cumsum([one.num_rows for one in questions])
    if any(len(array) != ends[-1] for array in outputs.values()):
        raise ValueError("The outputs have other rows than the inputs.")
    parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
    return [{name: parts[name][i] for name in parts} for i in range(len(questions))]


def _try(finish: Finish, outputs: Arrays) -> bytes | Exception:
    try:
        return finish(outputs)
    except Exception as error:
        return error


def _find_kind(servable: Servable, question: Question) -> Hashable | None:
    """Returns what requests must have in common to be joined; None where they can't be."""
    inputs, outputs = (part[question.signature] for part in (servable.inputs, servable.outputs))
    along_rows = [spec.shape for spec in (*inputs.values(), *outputs.values()) if spec.shape]
    have_rows = any(spec.shape for spec in inputs.values()) and all(
        spec.shape for spec in outputs.values()
    )
    if not have_rows or any(shape[0] is not None for shape in along_rows):
        return None
    common = [
        (name, array.shape[1:] if array.ndim else repr(array.tolist()))
        for name, array in question.inputs.items()
    ]
    return servable, question.signature, tuple(common)
