import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from tfrs_ext.serving import latest_version, list_versions, prune, publish, rollback


def write(folder):
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables").mkdir()
    (folder / "variables" / "data").write_bytes(b"weights")


def names(base):
    return sorted(path.name for path in base.iterdir())


def test_versions_are_numbered_one_after_the_other_and_the_latest_is_found(tmp_path):
    assert list_versions(tmp_path / "none") == []
    assert latest_version(tmp_path) is None
    paths = [publish(tmp_path / "m", write) for _ in range(11)]
    assert [path.name for path in paths] == [str(i) for i in range(1, 12)]
    assert list_versions(tmp_path / "m") == list(range(1, 12))
    assert latest_version(tmp_path / "m") == paths[-1]
    assert (paths[-1] / "variables" / "data").read_bytes() == b"weights"


def test_an_existing_folder_is_never_written_over(tmp_path):
    (tmp_path / "7").mkdir()
    assert publish(tmp_path, write).name == "8"
    assert list((tmp_path / "7").iterdir()) == []
    assert list_versions(tmp_path) == [8]


def test_a_failure_leaves_nothing(tmp_path):
    def fail(folder):
        write(folder)
        raise KeyError("half way")

    with pytest.raises(KeyError):
        publish(tmp_path, fail)
    assert names(tmp_path) == []


def test_files_can_be_read_by_others_whatever_the_umask(tmp_path):
    old = os.umask(0o077)
    try:
        publish(tmp_path / "models" / "movies", write)
    finally:
        os.umask(old)
    top = tmp_path / "models"
    modes = {str(p.relative_to(tmp_path)): p.stat().st_mode & 0o777 for p in (top, *top.rglob("*"))}
    assert modes == {
        "models": 0o755,
        "models/movies": 0o755,
        "models/movies/1": 0o755,
        "models/movies/1/saved_model.pb": 0o644,
        "models/movies/1/variables": 0o755,
        "models/movies/1/variables/data": 0o644,
    }


def test_other_names_are_no_versions(tmp_path):
    for name in ("1", "x2", "-3", "4.withdrawn", "\u0665", ".unfinished-6", "007", "1" * 19):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "9").mkdir()
    assert list_versions(tmp_path) == [1]


def test_what_may_not_be_read_beside_the_versions_hides_none(tmp_path, monkeypatch):
    """As lost+found on a volume, or another user's unfinished export, which root can read."""
    publish(tmp_path, write)
    for name in ("lost+found", ".unfinished-x", "7"):
        (tmp_path / name).mkdir()
    stat = os.stat

    def forbid(path, *args, **kwargs):
        if pathlib.Path(path).parent.name in ("lost+found", ".unfinished-x", "7"):
            raise PermissionError(path)
        return stat(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", forbid)
    assert list_versions(tmp_path) == [1]


def test_parallel_publishers_get_numbers_of_their_own(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: publish(tmp_path, write), range(24)))
    assert sorted(int(path.name) for path in paths) == list(range(1, 25))
    assert names(tmp_path) == sorted(str(i) for i in range(1, 25))


def test_rollback_withdraws_the_newest_and_its_number_is_not_given_out_again(tmp_path):
    for _ in range(3):
        publish(tmp_path, write)
    assert rollback(tmp_path) == tmp_path / "2" == latest_version(tmp_path)
    assert publish(tmp_path, write).name == "4"
    assert list_versions(tmp_path) == [1, 2, 4]


def test_rollback_needs_something_to_go_back_to(tmp_path):
    publish(tmp_path, write)
    with pytest.raises(ValueError, match=r"at least two versions.*\[1\]"):
        rollback(tmp_path)
    assert list_versions(tmp_path) == [1]


def test_prune_keeps_the_newest(tmp_path):
    for _ in range(3):
        publish(tmp_path, write)
    rollback(tmp_path)
    for _ in range(2):
        publish(tmp_path, write)
    assert prune(tmp_path, keep=1) == [1, 2, 4]
    assert names(tmp_path) == ["5"]
    assert prune(tmp_path, keep=3) == []
    with pytest.raises(ValueError, match="keep=0"):
        prune(tmp_path, keep=0)


SLOW_PUBLISHER = """
import importlib.util, pathlib, sys, time
spec = importlib.util.spec_from_file_location("versions", sys.argv[1])
versions = importlib.util.module_from_spec(spec); spec.loader.exec_module(versions)
def write(folder):
    (folder / "saved_model.pb").write_bytes(b"half a gra")
    print("writing", flush=True)
    time.sleep(60)
versions.publish(sys.argv[2], write)
"""


def start_publisher(base):
    import tfrs_ext.serving.publishing.versions as module

    child = subprocess.Popen(
        [sys.executable, "-c", SLOW_PUBLISHER, module.__file__, str(base)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "writing\n"
    return child


def test_killed_publisher_leaves_no_version_and_the_next_one_cleans_up(tmp_path):
    publish(tmp_path, write)
    with start_publisher(tmp_path) as child:
        os.kill(child.pid, signal.SIGKILL)
    assert list_versions(tmp_path) == [1]
    assert len(names(tmp_path)) == 2
    assert publish(tmp_path, write).name == "2"
    assert names(tmp_path) == ["1", "2"]


@pytest.mark.slow
def test_work_under_way_is_not_cleaned_up(tmp_path):
    with start_publisher(tmp_path) as child:
        publish(tmp_path, write)
        assert len([name for name in names(tmp_path) if name.startswith(".unfinished")]) == 1
        os.kill(child.pid, signal.SIGKILL)
