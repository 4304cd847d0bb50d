"""An environment of its own for each peer, made from what the peer's requirements are."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tfrs_ext.files import write_json

HOME = pathlib.Path(".peers")
# Exchange of tables is all that every environment needs.
ALWAYS = ("pandas>=2.2", "pyarrow>=16")
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    # It needs NumPy 1, with which later releases of pyarrow can't be imported.
    "rectools": ("torch==2.13.*", "rectools[torch]>=0.17", "pyarrow<20"),
    "implicit": ("implicit>=0.7.2", "threadpoolctl>=3"),
    "tfrs": ("tensorflow-recommenders>=0.7.7", "tensorflow==2.20.*", "tf-keras==2.20.*"),
    "ranx": ("ranx>=0.3.20",),
}


def make_environment(name: str) -> pathlib.Path:
    """Returns the interpreter of an environment, which is made once.

    Args:
        name: One of `REQUIREMENTS`.

    Raises:
        ValueError: The name is unknown.
        RuntimeError: The requirements can't be installed; the folder is left for another try.
    """
    if name not in REQUIREMENTS:
        raise ValueError(f"`name` must be one of {', '.join(REQUIREMENTS)}, received {name!r}.")
    folder, wanted = HOME / name, [*ALWAYS, *REQUIREMENTS[name]]
    python, ready = folder / "bin" / "python", folder / "ready.json"
    if ready.exists():
        return python.absolute()
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=False)
    if done.returncode:
        raise RuntimeError(f"{name} can't be installed: {' '.join(wanted)}")
    write_json(ready, {"requirements": wanted})
    return python.absolute()


def call(python: pathlib.Path, script: pathlib.Path, words: Sequence[str], threads: int) -> None:
    """Runs a script with so many threads, and without what belongs to this process."""
    subprocess.run([python, script, *words], check=True, env=_environment(threads))


def _environment(threads: int) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    limits = ("OMP", "MKL", "OPENBLAS", "NUMBA", "TF_INTRAOP", "TF_NUM_INTRAOP")
    return {
        **kept,
        **{f"{name}_NUM_THREADS": str(threads) for name in limits[:4]},
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "",
    }
