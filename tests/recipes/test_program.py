"""The commands that a recipe tells people to run next can be run as they stand."""

import sys

import pytest

from recipes.shared.program import python


@pytest.mark.parametrize(
    ("folder", "path", "is_environment", "expected"),
    [
        ("my clone", "/usr/bin", True, ".venv/bin/python"),  # As after `make demo`.
        ("my clone", "{environment}/bin:/usr/bin", True, "python"),
        ("elsewhere", "/usr/bin", True, "'{environment}/bin/python'"),
        ("elsewhere", "/usr/bin", False, "python"),
    ],
)
def test_python_is_named_so_that_this_one_runs(
    folder, path, is_environment, expected, tmp_path, monkeypatch
):
    environment = tmp_path / "my clone" / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setenv("PATH", path.format(environment=environment))
    monkeypatch.setattr(sys, "executable", str(environment / "bin" / "python"))
    monkeypatch.setattr(sys, "prefix", str(environment if is_environment else sys.base_prefix))
    assert python() == expected.format(environment=environment)
