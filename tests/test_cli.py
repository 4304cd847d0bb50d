"""The command `tfrs-ext`, in a checkout and from the wheel."""

import pathlib
import subprocess
import sys

import pytest

from tfrs_ext import cli, serving

ROOT = pathlib.Path(__file__).parents[1]


def run(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    said = capsys.readouterr()
    return stop.value.code, said.out + said.err


def test_help_names_every_command(capsys):
    code, said = run(capsys, "--help")
    assert code == 0
    for name in (
        "retrieval",
        "ranking",
        "text-search",
        "notifications",
        "serve",
        "query",
        "versions",
    ):
        assert f"  {name} " in said


@pytest.mark.parametrize(
    "recipe", ["retrieval", "ranking", "two-stage", "text-search", "notifications"]
)
def test_recipes_run_under_the_name_of_the_command(capsys, recipe):
    code, said = run(capsys, recipe, "--help")
    assert code == 0
    assert f"tfrs-ext {recipe}" in said


@pytest.mark.parametrize(("command", "word"), [("serve", "NAME=FOLDER"), ("query", "--user")])
def test_a_server_and_a_question_have_their_own_help(capsys, command, word):
    code, said = run(capsys, command, "--help")
    assert code == 0
    assert word in said


def test_versions_are_listed_withdrawn_and_removed(capsys, tmp_path):
    for _ in range(4):
        serving.publish(tmp_path, lambda folder: (folder / "saved_model.pb").touch())
    cli.main(["versions", "list", str(tmp_path)])
    assert capsys.readouterr().out.split() == ["1", "2", "3", "4"]
    cli.main(["versions", "rollback", str(tmp_path)])
    assert capsys.readouterr().out == f"now served: {tmp_path / '3'}\n"
    cli.main(["versions", "prune", str(tmp_path), "--keep", "1"])
    assert serving.list_versions(tmp_path) == [3]
    code, said = run(capsys, "versions", "rollback", str(tmp_path))
    assert code == 2
    assert "at least two versions" in said


def test_a_missing_extra_is_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "typer", None)
    for name in [name for name in sys.modules if name.startswith("recipes")]:
        monkeypatch.delitem(sys.modules, name)
    code, said = run(capsys, "retrieval", "tune")
    assert code == 1
    assert 'pip install "tfrs-ext[recipes]"' in said


@pytest.mark.slow
def test_the_wheel_holds_the_recipes_and_the_command(tmp_path):
    pip = [sys.executable, "-m", "pip", "--quiet"]
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, ROOT], check=True)
    (wheel,) = wheels.iterdir()
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True)

    def call(*words):
        return subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={"PYTHONPATH": str(site), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    refused = call("-m", "tfrs_ext.recipes.retrieval", "export", "--smoke")
    assert refused.returncode == 1
    assert "run `train` first" in " ".join(refused.stdout.split()), refused.stderr
    listed = call(site / "bin" / "tfrs-ext", "ranking", "--help")
    assert listed.returncode == 0
    assert "--candidate" in listed.stdout
    where = call("-c", "import tfrs_ext.recipes as found; print(found.__file__)")
    assert where.stdout.startswith(str(site))
