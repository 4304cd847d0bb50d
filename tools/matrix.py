"""Runs the fast tests on every Python that is here with every TensorFlow: `make matrix`.

Each environment lies in `.matrix`; the table goes into docs/versions.md. What follows `--` goes to
pytest: `python tools/matrix.py --only py3.13 -- tests/losses`.
"""

import argparse
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "versions.md"
BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
TENSORFLOWS = ("2.19", "2.20", "2.21")
WITHOUT_SCANN = ("2.21",)
LOWEST = ("numpy==2.0.*", "pandas==2.2.*", "typer==0.16.*")
TESTS = ("hypothesis", "pytest", "pytest-timeout", "pytest-xdist")


class Cell(NamedTuple):
    """One environment."""

    python: str
    tensorflow: str
    lowest: bool = False

    @property
    def name(self) -> str:
        """What its folder is called."""
        return f"py{self.python}-tf{self.tensorflow}" + "-lowest" * self.lowest

    def requirements(self) -> list[str]:
        """What pip is told to install beside this package."""
        family = [f"{name}=={self.tensorflow}.*" for name in ("tensorflow", "tf-keras")]
        family += [f"tensorboard=={self.tensorflow}.*", *TESTS]
        return family + list(LOWEST) * self.lowest

    def extras(self) -> str:
        """The extras of this package: no ScaNN fits TensorFlow 2.21."""
        names = ["report", "serve", "tune"]
        if self.tensorflow not in WITHOUT_SCANN:
            names.append("scann")
        return ",".join(names)


def cells(pythons: Sequence[str]) -> list[Cell]:
    """Returns the environments: all pairs, and once the lowest versions that are allowed.

    Args:
        pythons: The versions of Python that are here.
    """
    lowest = [Cell(pythons[0], TENSORFLOWS[0], lowest=True)] if pythons else []
    # TensorFlow has no wheels for Python 3.13 before 2.20.
    pairs = [Cell(p, t) for p in pythons for t in TENSORFLOWS if (p, t) != ("3.13", "2.19")]
    return lowest + pairs


def find_python(version: str) -> str | None:
    """Returns the path of an interpreter, or None where there is none that starts."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    ours = root.glob(f"versions/{version}.*/bin/python{version}")
    for found in filter(None, [shutil.which(f"python{version}"), *map(str, sorted(ours))]):
        if not subprocess.run([found, "-V"], capture_output=True, check=False).returncode:
            return found
    if shutil.which("uv"):
        command = ["uv", "python", "find", "--no-python-downloads", version]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return run.stdout.strip() or None
    return None


def install(cell: Cell, python: str, folder: pathlib.Path) -> str | None:
    """Makes the environment; returns what pip said where it can't be made."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    own = str(folder / "bin" / "python")
    uv = ["uv", "pip", "install", "--python", own]  # It shares the files of all environments.
    command = uv if shutil.which("uv") else [own, "-m", "pip", "install"]
    command += ["--quiet"]
    command += ["--editable", f"{ROOT}[{cell.extras()}]", "rich", "typer>=0.16"]
    run = subprocess.run(
        [*command, *cell.requirements()], capture_output=True, text=True, check=False
    )
    return None if run.returncode == 0 else (run.stderr.strip().splitlines() or ["failed"])[-1]


def run_tests(folder: pathlib.Path, arguments: Sequence[str]) -> str:
    """Returns pytest's last line: how many passed, failed and were skipped."""
    command = [folder / "bin" / "python", "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    run = subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    (folder / "pytest.log").write_text(run.stdout + run.stderr)
    found = re.findall(r"\d+ (?:passed|failed|errors?|skipped)", run.stdout)
    return ", ".join(found) or f"exit code {run.returncode}"


def render(results: Sequence[tuple[Cell, str]], what: str, date: datetime.date) -> str:
    """Returns the table.

    Args:
        results: The environments with what became of them.
        what: Which tests ran.
        date: When.
    """
    lines = [f"Ran {what} on {date.isoformat()}, Linux x86-64.", ""]
    lines += ["| Python | TensorFlow | other packages | result |", "|---|---|---|---|"]
    for cell, result in results:
        others = "lowest allowed" if cell.lowest else "newest"
        others += "" if cell.tensorflow not in WITHOUT_SCANN else ", without ScaNN"
        lines.append(f"| {cell.python} | {cell.tensorflow} | {others} | {result} |")
    return "\n".join(lines)


def write_table(table: str, page: pathlib.Path = PAGE) -> None:
    """Puts a table in the place of the last one."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}")


def main() -> None:
    """Runs the cells, and writes the table after each."""
    words = sys.argv[1:]
    place = words.index("--") if "--" in words else len(words)
    own, tests = words[:place], words[place + 1 :]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of a name, such as tf2.21 or py3.13")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / ".matrix")
    options = parser.parse_args(own)
    here = {version: found for version in PYTHONS if (found := find_python(version))}
    print(f"found Python {', '.join(here) or 'none'}")
    results = []
    for cell in cells(list(here)):
        if options.only not in cell.name:
            continue
        folder = options.folder / cell.name
        failure = None
        if not (folder / ".ready").exists():
            failure = install(cell, here[cell.python], folder)
            if failure is None:
                (folder / ".ready").touch()
        result = f"not installed: {failure}" if failure else run_tests(folder, tests)
        print(f"{cell.name}: {result}")
        results.append((cell, result))
        what = f"`pytest {' '.join(tests)}`" if tests else "the fast part of the tests"
        write_table(render(results, what, datetime.date.today()))


if __name__ == "__main__":
    main()
