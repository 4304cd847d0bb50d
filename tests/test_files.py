"""Files are whole or not there, whoever writes them."""

import concurrent.futures
import json
import os
import pathlib
import stat

import numpy as np
import pytest

from tfrs_ext.files import read_json, replacing, write_json, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_text_and_json_come_back(tmp_path):
    path = tmp_path / "deep" / "values.json"
    write_json(path, {"größe": [1, 2.5]})
    assert read_json(path) == json.loads(path.read_text(encoding="utf-8")) == {"größe": [1, 2.5]}
    write_text(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    assert names(path.parent) == ["values.json"]
    assert read_json(tmp_path / "none.json") is None


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "values.json"
    write_json(path, 1)
    with pytest.raises(OSError, match="full"), replacing(path) as aside:  # noqa: PT012
        pathlib.Path(aside).write_text("half")
        raise OSError("full")
    with pytest.raises(TypeError):
        write_json(path, {1, 2})
    assert read_json(path) == 1
    assert names(tmp_path) == ["values.json"]


def test_the_file_has_the_rights_of_any_new_file(tmp_path):
    write_json(tmp_path / "one.json", 1)
    (tmp_path / "other.json").write_text("1")
    modes = [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("one.json", "other.json")]
    assert modes[0] == modes[1]


def test_writers_at_the_same_time_do_not_mix(tmp_path):
    path = tmp_path / "values.json"
    values = [[number] * 5000 for number in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda value: write_json(path, value), values))
    assert read_json(path) in values
    assert names(tmp_path) == ["values.json"]


def test_binary_files_are_replaced_too(tmp_path):
    with replacing(tmp_path / "a.npz") as aside, open(aside, "wb") as stream:
        np.savez_compressed(stream, a=np.arange(3))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["a"], [0, 1, 2])


def test_broken_json_is_named_by_its_file(tmp_path):
    write_text(tmp_path / "broken.json", "[1,")
    with pytest.raises(ValueError, match=r"`path` must be a file of JSON, received .*broken.json"):
        read_json(tmp_path / "broken.json")
