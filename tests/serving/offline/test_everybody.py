"""Jobs that write recommendations: whole, in parts, killed, and refused."""

import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tfrs_ext import indexes, serving
from tfrs_ext._keras import keras
from tfrs_ext.serving.offline import asked, everybody

ROOT = pathlib.Path(__file__).parents[3]
USERS = np.arange(23) * 3


def answer(columns):
    """Users get as many of three items as the remainder by 4 says."""
    users = columns["user_id"]
    ids = users[:, None] * 10 + np.arange(3)
    kept = np.arange(3) < (users % 4)[:, None]
    return {
        "item_id": np.where(kept, ids, -1),
        "score": np.where(kept, ids / 2, -1e38).astype(np.float32),
        "title": np.where(kept, "№ " + ids.astype(str).astype(object), "").astype(object),
    }


def expected(users=USERS):
    rows = []
    for user in users.tolist():
        ids = [user * 10 + i for i in range(min(3, user % 4))]
        titles, scores = [f"№ {i}" for i in ids], [i / 2 for i in ids]
        rows.append({"user_id": user, "item_id": ids, "score": scores, "title": titles})
    return rows


def write(out, requests=None, source=answer, **changes):
    arguments = {"k": 3, "batch_size": 4, "part_rows": 10, "print_fn": None, **changes}
    requests = {"user_id": USERS} if requests is None else requests
    return serving.recommend_to_parquet(source, requests, out, **arguments)


def read(parts):
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


@pytest.mark.parametrize(("batch_size", "part_rows"), [(4, 10), (100, 1), (1, 100), (10, 10)])
def test_parts_hold_every_request_in_order(tmp_path, batch_size, part_rows):
    parts = write(tmp_path, batch_size=batch_size, part_rows=part_rows)
    assert len(parts) == -(-23 // part_rows)
    assert read(parts) == expected()
    assert (tmp_path / "_SUCCESS").exists()
    assert len(pd.read_parquet(tmp_path)) == 23  # What isn't a part is passed over.


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_requests_come_from_files(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(asked, "_BATCH", 7)
    table, path = pd.DataFrame({"user_id": USERS}), tmp_path / f"who.{kind}"
    table.to_parquet(path) if kind == "parquet" else table.to_csv(path, index=False)
    assert read(write(tmp_path / "out", path)) == expected()


def test_a_job_that_failed_goes_on_after_the_last_whole_part(tmp_path):
    asked_for, lines = [], []

    def weak(columns):
        if 33 in columns["user_id"]:
            raise RuntimeError("the network is gone")
        return answer(columns)

    def strong(columns):
        asked_for.extend(columns["user_id"].tolist())
        return answer(columns)

    with pytest.raises(RuntimeError, match="the network is gone"):
        write(tmp_path, source=weak)
    assert [p.name for p in tmp_path.glob("*.parquet")] == ["part-00000.parquet"]
    assert not (tmp_path / "_SUCCESS").exists()
    parts = write(tmp_path, source=strong, print_fn=lines.append)
    assert asked_for == USERS[10:].tolist()
    assert read(parts) == expected()
    assert lines[0] == "going on: 1 of 3 parts are there"
    assert "part 3 of 3" in lines[-1]
    assert read(write(tmp_path, source=None or answer)) == expected()


@pytest.mark.slow
@pytest.mark.parametrize("ids", [np.arange(20) * 3 - 8, [f"no {i}" for i in range(20)]])
def test_a_version_s_fields_are_those_that_it_answers_with(tmp_path, ids):
    vectors = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    vector = keras.Input([4], name="vector")
    tower = keras.Model({"vector": vector}, keras.layers.Activation("linear")(vector))
    titles = [b"\xff" if i == 3 else f"№ {i}".encode() for i in range(20)]
    version = serving.export(
        tmp_path / "models",
        tower,
        vectors,
        serving.Items({"item_id": ids}, fields={"title": titles, "year": np.arange(20)}),
        users=serving.Users({"user_id": USERS[:20], "vector": vectors}, seen=[[i] for i in ids]),
        index=indexes.Exact(k=5).index(vectors, ids),
        k=5,
    )
    rows = read(write(tmp_path / "out", {"user_id": USERS[:20]}, version, k=20))
    scores = vectors @ vectors.T
    for place, row in enumerate(rows):
        best = [i for i in np.argsort(-scores[place]) if i != place]  # What was seen is left out.
        assert row["item_id"] == [ids[i] for i in best]
        assert row["year"] == best
        assert row["title"] == [titles[i].decode("utf-8", "replace") for i in best]
    # Many rows share a dictionary of titles; for few it would be longer than what they hold, and
    # ids that are texts are looked up by nothing.
    for users, is_shared in ((20, not isinstance(ids[0], str)), (1, False)):
        asked = {"user_id": USERS[:users]}
        (part,) = write(tmp_path / f"{users}", asked, version, k=19, part_rows=20, batch_size=20)
        column = {c.path_in_schema: c for c in _columns(part)}["title.list.element"]
        assert ("RLE_DICTIONARY" in column.encodings) == is_shared
        assert pq.read_schema(part).field("title").type.value_type == pa.string()


def _columns(part):
    group = pq.ParquetFile(part).metadata.row_group(0)
    return [group.column(i) for i in range(group.num_columns)]


def test_row_groups_are_large_and_lists_have_no_statistics(tmp_path, monkeypatch):
    monkeypatch.setattr(everybody, "_GROUP_VALUES", 3 * 9)
    (part,) = write(tmp_path, batch_size=4, part_rows=100)
    found = pq.ParquetFile(part).metadata
    groups = [found.row_group(i) for i in range(found.num_row_groups)]
    assert [group.num_rows for group in groups] == [12, 11]
    columns = {groups[0].column(i).path_in_schema: groups[0].column(i) for i in range(4)}
    assert columns["user_id"].statistics.max == USERS[11]
    assert columns["item_id.list.element"].statistics is None
    assert read([part]) == expected()


JOB = """
import sys, time
import numpy as np
from tfrs_ext import serving

def slow(columns):
    time.sleep(0.05)
    return {"item_id": columns["user_id"][:, None] + np.arange(2)}

serving.recommend_to_parquet(slow, {"user_id": np.arange(2000)}, sys.argv[1], k=2,
                             batch_size=50, part_rows=100)
"""


@pytest.mark.slow
def test_a_job_that_is_killed_goes_on(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(JOB), str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while len(list(tmp_path.glob("part-*"))) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("part-*")}
    assert len(before) < 20
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"going on: {len(before)} of 20 parts are there" in again.stdout
    assert all(p.stat().st_mtime_ns == at for p, at in before.items())
    parts = sorted(tmp_path.glob("part-*"))
    assert [row["item_id"] for row in read(parts)] == [[u, u + 1] for u in range(2000)]


def test_a_part_is_all_that_memory_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(asked, "_BATCH", 5)
    held = []

    def watch(columns):
        held.append(len(columns["user_id"]))
        return answer(columns)

    path = tmp_path / "who.parquet"
    pd.DataFrame({"user_id": USERS}).to_parquet(path)
    table = asked.open_requests(path)
    sizes = [part.num_rows for _, part in table.parts(10, [0, 2])]
    assert sizes == [10, 3]
    write(tmp_path / "out", path, source=watch)
    assert max(held) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 2}, "begun with other k"),
        ({"part_rows": 5}, "begun with other part_rows"),
        ({"requests": {"user_id": USERS + 1}}, "begun with other sha256"),
        ({"requests": {"user_id": USERS[1:]}}, "begun with other requests, sha256"),
    ],
)
def test_parts_of_other_jobs_are_not_mixed(tmp_path, changes, message):
    write(tmp_path)
    with pytest.raises(ValueError, match=message):
        write(tmp_path, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "`k` must be a positive integer"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
        ({"requests": {"user_id": [1], "age": [1, 2]}}, "columns \\[N\\] of equal length"),
        ({"requests": "nobody.parquet"}, "`requests` must be a .parquet or .csv file that exists"),
        ({"source": "nowhere"}, "must be a version's folder that `serving.export` wrote"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        write(tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_refused(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "mine.parquet")
    with pytest.raises(ValueError, match="without other Parquet files"):
        write(tmp_path)
