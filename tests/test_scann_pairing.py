"""A ScaNN that was built for another TensorFlow is refused with the mend, before TFRS has it."""

import os
import subprocess
import sys

import pytest
import tensorflow as tf

from tfrs_ext import scann_pairing

BROKEN = """
import tensorflow as tf
raise tf.errors.NotFoundError(None, None, "_scann_ops.so: undefined symbol: _ZN10tensorflow")
"""


@pytest.fixture
def broken(tmp_path):
    """A folder with a ScaNN 1.4.0 that can't be loaded."""
    (tmp_path / "scann").mkdir()
    (tmp_path / "scann" / "__init__.py").write_text(BROKEN)
    facts = tmp_path / "scann-1.4.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: scann\nVersion: 1.4.0\n")
    return tmp_path


def test_a_fresh_process_is_told_both_versions_and_the_mend(broken):
    path = os.pathsep.join([str(broken), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = subprocess.run(
        [sys.executable, "-c", "import tfrs_ext"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: ScaNN 1.4.0 doesn't fit TensorFlow {tf.__version__}")
    assert 'pip install "scann[tf]>=1.4.0,<1.5"' in last
    assert "undefined symbol" in last


def test_without_scann_nothing_is_said(monkeypatch):
    monkeypatch.setattr(scann_pairing.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "scann", None)
    scann_pairing.check_scann()
