"""The README's quickstart runs as it stands, in a fresh interpreter."""

import pathlib
import re
import subprocess
import sys

import pytest

README = pathlib.Path(__file__).parents[1] / "README.md"


@pytest.mark.slow
def test_quickstart_runs_and_prints_a_recall_with_its_interval(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(code.splitlines()) <= 36
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    last = run.stdout.strip().splitlines()[-1]
    mean, low, high = map(float, re.findall(r"[\d.]+", last))
    assert 0 < low <= mean <= high < 1


def test_links_and_pictures_of_readme_exist():
    targets = re.findall(r"\]\(([^)#]+)", README.read_text())
    missing = [
        path for path in targets if "://" not in path and not (README.parent / path).exists()
    ]
    assert not missing


def test_readme_shows_twelve_problems_of_the_page_with_all():
    page = (README.parent / "docs" / "pieces.md").read_text()
    (table,) = re.findall(r"\| your problem .*?\n\n", README.read_text(), flags=re.DOTALL)
    rows = table.replace("](docs/", "](").strip().splitlines()[2:]
    assert len(rows) == 12
    assert all(row in page for row in rows)
