"""Runs tutorials and writes what they print and draw into them: `python -m tools.docs.tutorials`.

A page's blocks of Python run one after the other, as a reader would type them. What a block prints
stands in the block of text after it; pictures that the code saves go to docs/images. Name pages to
run these alone.
"""

import contextlib
import io
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
from typing import Any, NamedTuple

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("[0-9]*.md"))
IMAGES = ROOT / "docs" / "images"
_BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
_STYLE = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.figsize": (7.0, 3.5),
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
}


class Step(NamedTuple):
    """One block of Python of a page, and what stands below it as printed."""

    code: str
    printed: str


def steps_of(text: str) -> list[Step]:
    """Returns the blocks of a page, each with the text below it, or "" where there is none."""
    return [Step(code, printed) for code, printed in _BLOCK.findall(text)]


def run_page(text: str) -> list[str]:
    """Runs the blocks of a page in the current folder, and returns what each of them prints."""
    import matplotlib
    import matplotlib.pyplot

    from tfrs_ext import serving

    names: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    # One process checks and asks all that a page exports: a new one takes seconds each time.
    kept = serving.keep_process() if "serving.export" in text else contextlib.nullcontext()
    style = matplotlib.rc_context({**_STYLE, "backend": "agg", "svg.hashsalt": "tutorial"})
    with style, kept:
        for number, step in enumerate(steps_of(text), start=1):
            source = pathlib.Path.cwd() / f"step_{number}.py"  # AutoGraph and tracebacks read it.
            source.write_text(step.code)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(step.code, str(source), "exec"), names)
            printed.append("".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines()))
        matplotlib.pyplot.close("all")
    return printed


def with_printed(text: str, printed: list[str]) -> str:
    """Returns the page with these lines below its blocks of Python."""
    lines = iter(printed)

    def renewed(match: re.Match[str]) -> str:
        said = next(lines)
        return f"```python\n{match[1]}```\n" + (f"\n```text\n{said}```\n" if said else "")

    return _BLOCK.sub(renewed, text)


def main(paths: list[pathlib.Path]) -> None:
    """Runs the pages, and writes their lines and pictures."""
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # A picture changes with what it shows, not by the day.
    IMAGES.mkdir(exist_ok=True)
    for path in paths:
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                printed = run_page(path.read_text())
            finally:
                os.chdir(ROOT)
            for picture in pathlib.Path(folder).glob("*.svg"):
                shutil.copy(picture, IMAGES)
        path.write_text(with_printed(path.read_text(), printed))
        print(f"{path.name}: {time.process_time() - began:.0f} s of processor time", flush=True)


if __name__ == "__main__":
    main([pathlib.Path(name).resolve() for name in sys.argv[1:]] or PAGES)
