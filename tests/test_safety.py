"""Files can't make this package run code, and nothing but a wanted download uses the network."""

import ast
import os
import subprocess
import sys
import zipfile

import pytest

from tests.house import ALL_FILES, GUESTS, REPOSITORY, modules_imported, name_of, tree_of
from tfrs_ext import files
from tfrs_ext._keras import keras
from tfrs_ext.data.archive import Archive

SOURCES = [path for path in (*ALL_FILES, *GUESTS) if "benchmarks" not in path.parts]
# What reads a file may run what is in it.
RUNS_FILES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
NETWORK = {"urllib.request", "requests", "http.client", "httpx", "aiohttp", "ftplib", "socket"}
MAY_USE_THE_NETWORK = ("data/download.py", "serving/rest/", "serving/servers/", "training/workers")
UNSAFE = {"allow_pickle": True, "safe_mode": False}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_file_is_read_in_a_way_that_runs_it(path):
    assert not RUNS_FILES & {name.split(".")[0] for name in modules_imported(path)}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.keyword) and node.arg in UNSAFE:
            assert ast.unparse(node.value) != str(UNSAFE[node.arg]), f"{node.arg} is unsafe"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec")
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("enable_unsafe_deserialization", "read_pickle", "read_hdf")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_downloads_and_servers_know_the_network(path):
    uses = NETWORK & set(modules_imported(path))
    assert not uses or name_of(path).startswith(MAY_USE_THE_NETWORK)


@pytest.mark.slow
def test_importing_everything_connects_to_nothing():
    code = (
        "import socket\n"
        "def refuse(*args): raise SystemExit(f'connects to {args[1:]}')\n"
        "for name in ('connect', 'connect_ex', 'sendto'): setattr(socket.socket, name, refuse)\n"
        "socket.getaddrinfo = refuse\n"
        "import importlib, pkgutil, tfrs_ext\n"
        "for info in pkgutil.walk_packages(tfrs_ext.__path__, 'tfrs_ext.'):\n"
        "    if not info.name.endswith('__main__'): importlib.import_module(info.name)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_functions_in_model_files_are_not_run(tmp_path):
    layers = [keras.layers.InputLayer(2), keras.layers.Lambda(lambda x: x + 1)]
    keras.Sequential(layers).save(str(tmp_path / "model.keras"))
    with pytest.raises(ValueError, match="safe_mode=False"):
        keras.models.load_model(str(tmp_path / "model.keras"))


def test_huge_files_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "manifest.json"
    with open(path, "wb") as file:
        file.truncate(1 << 30)  # A hole, which takes no room.
    with pytest.raises(ValueError, match=r"manifest\.json must have at most .* bytes"):
        files.read_json(path)


def test_what_an_archive_would_unpack_to_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("tfrs_ext.data.archive._MOST_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "data.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ratings.csv", "0" * 1001)
    with pytest.raises(ValueError, match=r"ratings\.csv in .* must unpack to at most 1,000 bytes"):
        Archive(tmp_path / "data.zip").read("ratings.csv")
