"""The page on serving says what runs."""

import pathlib
import re
import subprocess
import sys

import pytest

from tfrs_ext import serving

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "serving.md").read_text()


@pytest.mark.slow
def test_example_runs(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    code += "assert sorted(answer['item_id'][0]) == [7, 8, 9]\n"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]


def test_functions_that_the_page_names_exist():
    names = set(re.findall(r"serving\.([a-z_]+)\(", PAGE))
    assert names
    assert all(hasattr(serving, name) for name in names)
