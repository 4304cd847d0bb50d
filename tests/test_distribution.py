"""The sdist runs its own tests, and the wheel passes them in an environment of its own."""

import os
import pathlib
import shutil
import site
import subprocess
import sys
import tarfile

import pytest

pytest.importorskip("build", reason="build is not installed")
pytestmark = pytest.mark.slow
ROOT = pathlib.Path(__file__).parents[1]
QUICK = ("tests/test_files.py", "tests/ops/test_scores.py", "tests/losses/test_pairs_and_binary.py")


def run(python, *words, cwd):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.run(
        [python, *words], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-2000:]
    return process.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def unpacked(dist, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.iterdir())


def test_the_sdist_holds_all_that_its_tests_read(unpacked):
    said = run(sys.executable, "-m", "pytest", "-q", "--collect-only", cwd=unpacked)
    assert "error" not in said.splitlines()[-1]
    run(sys.executable, "-m", "pytest", "-q", *QUICK, "tests/test_architecture.py", cwd=unpacked)


def test_the_wheel_passes_tests_of_another_folder(dist, unpacked, tmp_path):
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"), cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    wheel = next(dist.glob("*.whl"))
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", str(wheel), cwd=tmp_path)
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    # What the package needs comes from this environment, but not the package itself.
    (packages / "needed.pth").write_text("\n".join(site.getsitepackages()))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(unpacked / "tests", elsewhere / "tests")
    shutil.copy(unpacked / "pyproject.toml", elsewhere)
    where = run(python, "-c", "import tfrs_ext; print(tfrs_ext.__file__)", cwd=elsewhere)
    assert where.strip().startswith(str(packages))
    run(python, "-m", "pytest", "-q", *QUICK, cwd=elsewhere)
