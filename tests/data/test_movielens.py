import zipfile

import pandas as pd
import pytest

from tests.data.tables import rows_of
from tfrs_ext.data import DataWarning, load_movielens

ROWS = [(1, 20, 5, 100), (1, 10, 3, 50), (2, 10, 4, 70)]
FLAGS = {"Animation": 3, "Comedy": 5, "Film-Noir": 10}
FILES = {
    "100k": {
        "u.data": "".join("\t".join(map(str, row)) + "\n" for row in ROWS),
        "u.user": "1|24|M|technician|85711\n2|53|F|other|T8H1N\n",
    },
    "1m": {
        "ratings.dat": "".join("::".join(map(str, row)) + "\n" for row in ROWS),
        "users.dat": "1::M::25::15::55117\n2::F::1::10::48067-1111\n",
        "movies.dat": (
            '10::"Great" Escape, The (1963)::Animation|Comedy\n'
            "20::Misérables, Les (1995)::Film-Noir\n"
            "30::NULL::Comedy\n"
        ),
    },
    "latest-small": {
        "ratings.csv": "userId,movieId,rating,timestamp\n"
        + "".join(f"{user},{item},{rating}.5,{time}\n" for user, item, rating, time in ROWS),
        "movies.csv": (
            'movieId,title,genres\n10,"""Great"" Escape, The (1963)",Animation|Comedy\n'
            "20,Misérables (2006-2007) ,Film-Noir\n30,NA,(no genres listed)\n"
        ),
        "tags.csv": "userId,movieId,tag,timestamp\n",
    },
}


def _item(number, title, date, *genres):
    flags = ["0"] * 19
    for genre in genres:
        flags[FLAGS[genre]] = "1"
    return "|".join([str(number), title, date, "", "http://x", *flags]) + "\n"


FILES["100k"]["u.item"] = (
    _item(10, '"Great" Escape, The (1963)', "01-Jan-1963", "Animation", "Comedy")
    + _item(20, "Misérables, Les (1995)", "", "Film-Noir")
    + _item(30, "unknown", "")
)


def _write(name, folder):
    folder.mkdir(exist_ok=True)
    for file, text in FILES[name].items():
        encoding = "utf-8" if name == "latest-small" else "latin-1"
        (folder / file).write_bytes(text.encode(encoding))
    return folder


def _zip(name, tmp_path):
    folder = _write(name, tmp_path / "files")
    with zipfile.ZipFile(tmp_path / f"ml-{name}.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"ml-{name}/{file.name}")
    return tmp_path / f"ml-{name}.zip"


@pytest.mark.parametrize("name", list(FILES))
@pytest.mark.parametrize("place", ["folder", "parent", "zip"])
def test_reads_the_original_formats(name, place, tmp_path):
    if place == "zip":
        path = _zip(name, tmp_path)
    else:
        path = _write(name, tmp_path / f"ml-{name}")
        path = path if place == "folder" else tmp_path
    frames = load_movielens(name, path)
    assert rows_of(frames) == [(1, 10, 50), (2, 10, 70), (1, 20, 100)]
    assert (frames.interactions["rating"] // 1).tolist() == [3, 4, 5]
    assert frames.items["item_id"].tolist() == [10, 20, 30]
    assert frames.items["title"][0] == '"Great" Escape, The (1963)'
    assert frames.items["title"][1].startswith("Misérables")
    assert frames.items["title"].notna().all()
    assert frames.items["genres"].tolist()[:2] == ["Animation|Comedy", "Film-Noir"]
    assert frames.items["year"].tolist()[0] == 1963
    assert dict(frames.schema.item_features) == {
        "title": "text",
        "genres": "text",
        "year": "numeric",
    }


@pytest.mark.parametrize("name", ["100k", "1m"])
def test_reads_the_users(name, tmp_path):
    users = load_movielens(name, _write(name, tmp_path)).users
    assert set(users.columns) == {"user_id", "gender", "age", "occupation"}
    assert users["gender"].tolist() == ["M", "F"]
    assert users["occupation"].tolist() == (["technician", "other"] if name == "100k" else [15, 10])


def test_knows_no_users_where_there_are_none(tmp_path):
    frames = load_movielens("latest-small", _write("latest-small", tmp_path))
    assert frames.users.columns.tolist() == ["user_id"]
    assert frames.schema.user_features == {}
    assert frames.items["title"].tolist()[2] == "NA"
    assert frames.items["genres"].tolist()[2] == ""
    assert frames.items["year"].tolist()[:2] == [1963, 2006]
    assert pd.isna(frames.items["year"][2])


def test_reads_parquet_with_filled_times_and_orders(tmp_path):
    pd.DataFrame(
        {
            "user_id": [1, 1, 1, 1],
            "movie_id": [10, 20, 30, 10],
            "rating": pd.array([5, None, 3, 1], dtype="Int8"),
            "timestamp": pd.array([7, None, 7, None], dtype="Int64"),
            "timestamp_filled": pd.array([7, 7, 7, None], dtype="Int64"),
            "order_in_user": pd.array([2, 0, 1, None], dtype="Int32"),
        }
    ).to_parquet(tmp_path / "ratings.parquet")
    movies = {"movie_id": [10, 20, 30], "title": ["A (1990)"] * 3, "genres": ["Drama"] * 3}
    pd.DataFrame(movies).to_parquet(tmp_path / "items.parquet")
    with pytest.warns(DataWarning, match="1 of 4 interactions without a 'timestamp'"):
        frames = load_movielens("1m", tmp_path)
    assert rows_of(frames) == [(1, 20, 7), (1, 30, 7), (1, 10, 7)]


def test_names_the_file_that_is_missing(tmp_path):
    _write("1m", tmp_path)
    (tmp_path / "movies.dat").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"must hold movies\.dat, received .*'ratings\.dat'"
    ):
        load_movielens("1m", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"folder or a zip file, received .* is missing"):
        load_movielens("1m", tmp_path / "none")


def test_rejects_other_names():
    with pytest.raises(
        ValueError, match=r"one of \['100k', '1m', 'latest-small'\], received '25m'"
    ):
        load_movielens("25m")
