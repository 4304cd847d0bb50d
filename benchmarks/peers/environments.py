"""An environment of its own for each peer, made from what the peer's requirements are."""

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tfrs_ext.files import write_json

HOME = pathlib.Path(".peers")
ROOT = pathlib.Path(__file__).parents[2]
# Exchange of tables is all that every environment needs.
ALWAYS = ("pandas>=2.2", "pyarrow>=16")
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    # It needs NumPy 1, with which later releases of pyarrow can't be imported.
    "rectools": ("torch==2.13.*", "rectools[torch]>=0.17", "pyarrow<20"),
    "implicit": ("implicit>=0.7.2", "threadpoolctl>=3"),
    "keras_rs": ("keras-rs>=0.4", "keras>=3", "jax"),
    "lightfm": ("lightfm-next>=1.19",),
    "cornac": ("cornac>=3",),
    # It names neither backend: the two towers are of TensorFlow 1's kind, the batches are of torch.
    "librecommender": (
        "LibRecommender>=1.5.2",
        "tensorflow==2.20.*",
        "tf-keras==2.20.*",
        "torch==2.13.*",
        "scikit-learn>=1.5",
    ),
    # It uses what later releases of NumPy, SciPy and pandas don't have.
    "recbole": (
        "torch==2.13.*",
        "recbole>=1.2.1",
        "numpy<2",
        "scipy<1.11",
        "pandas<3",
        "pyarrow<20",
    ),
    # It looks for newer releases by requests, which its requirements leave out.
    "deepctr": ("torch==2.13.*", "deepctr-torch>=0.3", "requests"),
    "ir_measures": ("ir-measures>=0.4.3",),
    "scikit_learn": ("scikit-learn>=1.5",),
}
OURS = "ours"  # The environment that runs this: this library and plain TFRS are in it.


def make_environment(name: str) -> pathlib.Path:
    """Returns the interpreter of an environment, which is made once.

    Args:
        name: One of `REQUIREMENTS`, or `OURS`.

    Raises:
        ValueError: The name is unknown.
        RuntimeError: The requirements can't be installed; the folder is left for another try.
    """
    if name == OURS:
        return pathlib.Path(sys.executable)
    if name not in REQUIREMENTS:
        known = ", ".join([*REQUIREMENTS, OURS])
        raise ValueError(f"`name` must be one of {known}, received {name!r}.")
    folder, wanted = HOME / name, [*ALWAYS, *REQUIREMENTS[name]]
    python, ready = folder / "bin" / "python", folder / "ready.json"
    if ready.exists():
        return python.absolute()
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    if subprocess.run([*_installer(python), *wanted], check=False).returncode:
        raise RuntimeError(f"{name} can't be installed: {' '.join(wanted)}")
    write_json(ready, {"requirements": wanted})
    return python.absolute()


def call(python: pathlib.Path, script: pathlib.Path, words: Sequence[str], threads: int) -> None:
    """Runs a script with so many threads, and without what belongs to this process."""
    subprocess.run([python, script, *words], check=True, env=_environment(threads))


def _installer(python: pathlib.Path) -> list[str | pathlib.Path]:
    """Returns the command that installs: uv where it is, as it is quicker, or else pip."""
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", python]
    return [python, "-m", "pip", "install", "--quiet"]


def _environment(threads: int) -> Mapping[str, str]:
    limits = ("OMP_NUM", "MKL_NUM", "OPENBLAS_NUM", "NUMBA_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),  # This library, for adapters that import it.
        **{f"{name}_THREADS": str(threads) for name in limits},
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_USE_LEGACY_KERAS": "1",  # TFRS needs Keras 2.
        "CUDA_VISIBLE_DEVICES": "",
    }
