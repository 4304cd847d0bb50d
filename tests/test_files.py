"""Files are whole or not there, and a folder has one writer."""

import os

import pytest

from tfrs_ext.files import hold_folder, read_json, replace_file, write_json


def write_half_a_file(path):
    with replace_file(path) as part:
        part.write_text("half")
        raise OSError("the disk is full")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "deep" / "values.json"
    write_json(path, {"a": 1})
    with pytest.raises(OSError, match="full"):
        write_half_a_file(path)
    assert read_json(path) == {"a": 1}
    assert [entry.name for entry in path.parent.iterdir()] == ["values.json"]


def test_what_is_missing_is_none_and_what_is_broken_is_named(tmp_path):
    assert read_json(tmp_path / "none.json") is None
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ValueError, match=r"broken\.json must be a JSON file"):
        read_json(tmp_path / "broken.json")


def test_a_folder_has_one_writer_at_a_time(tmp_path):
    with hold_folder(tmp_path), pytest.raises(RuntimeError, match=f"process {os.getpid()} is"):
        hold_folder(tmp_path).__enter__()
    with hold_folder(tmp_path):
        pass
