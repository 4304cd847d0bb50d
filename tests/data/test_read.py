import gzip

import pandas as pd
import pytest

from tfrs_ext.data import DataWarning, Schema, load_frames

LOG = pd.DataFrame({"user_id": [1, 2], "item_id": ["a", "b"], "timestamp": [10, 20]})
EXPECTED = load_frames(LOG).interactions
BY_ROW = Schema(timestamp=None)


@pytest.mark.parametrize(
    "name", ["log.parquet", "log.PARQUET", "log.csv", "LOG.CSV", "log.csv.gz", "log.tsv"]
)
def test_files_give_what_frames_give(name, tmp_path):
    path = tmp_path / name
    if "parquet" in name.lower():
        LOG.to_parquet(path)
    else:
        LOG.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    for source in (path, str(path)):
        pd.testing.assert_frame_equal(load_frames(source).interactions, EXPECTED)


LINES = (
    '{"user_id": 1, "item_id": "a", "timestamp": 10}\n{"user_id":2,"item_id":"b","timestamp":20}'
)
ARRAY = f"[{','.join(LINES.splitlines())}]"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.jsonl", LINES),
        ("log.json", LINES),
        ("log.json", ARRAY),
        ("log.inter", "user_id:token\titem_id:token\ttimestamp:float\n1\ta\t10\n2\tb\t20\n"),
        ("log.dat", "user_id::item_id::timestamp\n1::a::10\n2::b::20\n"),
        ("log.txt", "user_id|item_id|timestamp\n1|a|10\n2|b|20\n"),
        ("log.txt", "user_id\titem_id\ttimestamp\n1\ta\t10\n2\tb\t20\n"),
    ],
)
def test_other_formats_give_the_same(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    pd.testing.assert_frame_equal(
        load_frames(tmp_path / name).interactions.astype({"timestamp": "int64"}), EXPECTED
    )


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("u.data", "1\t7\t5\t10\n2\t8\t3\t20\n", "taken for user_id, item_id, rating, timestamp"),
        ("ratings.dat", "1::7::5::10\n2::8::3::20\n", "ratings.dat has no header"),
        ("log.csv", "1,7,5,10\n2,8,3,20\n", "log.csv has no header"),
        ("log.csv", "user_id;item_id;rating;timestamp\n1;7;5,0;10\n2;8;3,0;20\n", "a semicolon"),
    ],
)
def test_what_was_assumed_is_said(name, text, note, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.warns(DataWarning, match=note):
        frames = load_frames(tmp_path / name)
    assert frames.interactions["item_id"].tolist() == [7, 8]
    assert frames.interactions["timestamp"].tolist() == [10, 20]
    assert note in " ".join(frames.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_letters_are_read_in_their_encoding(encoding, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id\n1,Café\n", encoding=encoding)
    assert load_frames(path, schema=BY_ROW).interactions["item_id"].tolist() == ["Café"]


def test_other_letters_are_read_as_latin_1(tmp_path):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress("user_id,item_id\n1,Café\n".encode("latin-1")))
    with pytest.warns(DataWarning, match="no UTF-8"):
        frames = load_frames(path, schema=BY_ROW)
    assert frames.interactions["item_id"].tolist() == ["Café"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_folder_of_parts_is_one_table(kind, tmp_path):
    for i in range(2):
        part = LOG[i : i + 1]
        path = tmp_path / f"part-{i}.{kind}"
        part.to_csv(path, index=False) if kind == "csv" else part.to_parquet(path)
    (tmp_path / "_SUCCESS").touch()
    if kind == "csv":
        with pytest.warns(DataWarning, match="Put the 2 files in"):
            frames = load_frames(tmp_path)
    else:
        frames = load_frames(tmp_path)
    pd.testing.assert_frame_equal(frames.interactions, EXPECTED)


def test_lists_and_vectors_come_from_files_too(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id\n1,7\n2,8\n")
    (tmp_path / "shop.item").write_text(
        "item_id:token\tgenres:token_seq\timage:float_seq\n7\tA B\t1 2\n8\tB\t3 4\n"
    )
    kinds = {"genres": {"kind": "categories", "separator": " "}, "image": "vector"}
    schema = Schema(timestamp=None, item_features=kinds)
    frames = load_frames(tmp_path / "log.csv", items=tmp_path / "shop.item", schema=schema)
    assert [vector.tolist() for vector in frames.items["image"]] == [[1.0, 2.0], [3.0, 4.0]]
    assert frames.items["genres"].tolist() == ["A B", "B"]


def test_ids_in_csv_keep_their_zeros(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\n1,007,1\n2,7,2\n")
    interactions = load_frames(path).interactions
    assert interactions["item_id"].tolist() == ["007", "7"]
    assert interactions["user_id"].tolist() == [1, 2]


def test_ids_that_a_program_wrote_as_floats_are_integers(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\n1.0,7,1\n2,8.0,2\n")
    interactions = load_frames(path).interactions
    assert interactions["item_id"].tolist() == [7, 8]
    assert interactions["user_id"].tolist() == [1, 2]


def test_an_artist_may_be_called_na(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\n1,NA,1\n2,None,2\n3,null,NA\n")
    with pytest.warns(DataWarning, match="without a 'timestamp'"):
        frames = load_frames(path)
    assert frames.interactions["item_id"].tolist() == ["NA", "None"]


def test_says_what_it_reads(tmp_path):
    (tmp_path / "log.xlsx").touch()
    with pytest.raises(ValueError, match=r"Parquet \(\.parquet, \.pq\), JSON .* 'log\.xlsx'"):
        load_frames(tmp_path / "log.xlsx")
    with pytest.raises(FileNotFoundError, match="There is no table at"):
        load_frames(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="must be a pandas frame or a path, received list"):
        load_frames([1, 2])
    (tmp_path / "log.json").write_text("{'user_id': 1}")
    with pytest.raises(ValueError, match=r"log\.json must hold a JSON object a line"):
        load_frames(tmp_path / "log.json")
    (tmp_path / "none.csv").touch()
    with pytest.raises(ValueError, match=r"must have rows, received none\.csv without any"):
        load_frames(tmp_path / "none.csv")
