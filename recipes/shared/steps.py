"""The steps of a recipe: which there are, what is said around them, and how they are run."""

import contextlib
import dataclasses
import enum
import pathlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer import Argument

from tfrs_ext import files, serving

from . import hints
from .asking import recommend
from .console import console, say
from .folder import begin, check_data
from .inspecting import show_file
from .program import program_of, python
from .settings import Settings


class Step(str, enum.Enum):
    """What to run."""

    TUNE = "tune"
    TRAIN = "train"
    EXPORT = "export"
    QUERY = "query"
    ALL = "all"
    RECOMMEND = "recommend"
    INSPECT = "inspect"


def _parse_step(word: str) -> Step:
    known = [step.value for step in Step]
    if word not in known:
        raise typer.BadParameter(
            f"{word!r} is none of {', '.join(known)}{hints.near(word, known)} For example: "
            "python -m recipes.retrieval all --smoke"
        )
    return Step(word)


StepArgument = Annotated[
    Step,
    Argument(
        parser=_parse_step,
        metavar="|".join(step.value for step in Step),
        help="One step, `all` four, or `inspect`, which says what a file of your own holds.",
    ),
]


EXIT_CODES = (
    "Exit codes: 0, done; 1, it can't go on, and one line says why; 2, the command line can't be "
    "read; 130, stopped by Ctrl-C, and the same command goes on."
)


def run_steps(settings: Settings, step: Step, steps: Sequence[Callable[[Any], None]]) -> None:
    """Runs the steps, one process at a time in a folder of results."""
    if step is Step.INSPECT:
        show_file(steps[0].__module__, settings.source.interactions)
        return
    if step is Step.RECOMMEND:
        recommend(settings)
        return
    chosen = [f for f in steps if step in (Step.ALL, Step(f.__name__))]
    with contextlib.ExitStack() as stack:

        def keep_process() -> None:
            stack.enter_context(serving.keep_process())

        if step is Step.ALL:
            settings = dataclasses.replace(settings, goes_on=True, before_export=keep_process)
        if step is not Step.QUERY:  # Which reads the published version alone.
            check_data(settings)  # Before anything is written.
            stack.enter_context(files.hold_folder(settings.runs))
            begin(settings)
        for function in chosen:
            if Step(function.__name__) in (Step.EXPORT, Step.QUERY):
                keep_process()
            announce(function)
            function(settings)
    show_next(settings.runs, settings.base, chosen[-1], steps)


def announce(step: Callable[[Any], None]) -> None:
    """Says that a step begins, and what it does."""
    console.rule(step.__name__)
    say((step.__doc__ or step.__name__).splitlines()[0])


def show_next(
    runs: pathlib.Path,
    base: pathlib.Path,
    last: Callable[[Any], None],
    steps: Sequence[Callable[[Any], None]],
) -> None:
    """Says what to do after a step; after the last one, where all is and what people want next."""
    program = program_of(last.__module__)
    if last is not steps[-1]:
        say(f"next: {program} {steps[steps.index(last) + 1].__name__}, with the same options")
        return
    version = serving.latest_version(base)
    found = {"report": runs / "report.html"}
    if version is not None:
        found |= {"model card": version / "assets.extra" / "model_card.md", "bundle": version}
    console.rule("done")
    for name, path in found.items():
        if path.exists():
            say(f"{name + ':':<12}{path}")
    say(f"next, your own data:    {program} inspect --interactions FILE")
    say(f"next, serve over HTTP:  {python()} -m tfrs_ext.serving.rest {base.name}={base}")
    say(f"next, ask for a user:   {program} query --base {base} --user ID")
