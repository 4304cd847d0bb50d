"""What type checkers say to a user's program."""

import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
import tfrs_ext
reveal_type(tfrs_ext.indexes.Exact().index(np.eye(3)))
tfrs_ext.nowhere
"""


@pytest.mark.slow
def test_subpackages_are_known_and_an_index_stays_of_its_class(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", str(tmp_path / "program.py")]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert 'Revealed type is "tfrs_ext.indexes.exact.Exact"' in said
    assert 'Module has no attribute "nowhere"' in said
