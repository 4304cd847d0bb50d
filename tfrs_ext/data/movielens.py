"""The MovieLens data sets, from the files that GroupLens publishes."""

import pathlib
from collections.abc import Callable
from typing import Any, Literal

import pandas as pd

from tfrs_ext.data.archive import Archive
from tfrs_ext.data.download import download_zip
from tfrs_ext.data.frames import Frames
from tfrs_ext.data.load import load_frames
from tfrs_ext.data.movielens_formats import Tables, read_1m, read_100k, read_csv, read_parquet
from tfrs_ext.data.schema import FeatureKind, Schema
from tfrs_ext.typing import PathLike

_ADDRESS = "https://files.grouplens.org/datasets/movielens/"
_READERS: dict[str, Callable[[Archive], Tables]] = {
    "100k": read_100k,
    "1m": read_1m,
    "latest-small": read_csv,
}
_USER_FEATURES: dict[str, FeatureKind] = {
    "gender": "categorical",
    "age": "categorical",
    "occupation": "categorical",
}
_YEAR = r"\((\d{4})[^()]*\)\s*$"


def load_movielens(
    name: Literal["100k", "1m", "latest-small"],
    path: PathLike | None = None,
    *,
    cache_dir: PathLike | None = None,
) -> Frames:
    """Loads a MovieLens data set; every rating counts as an interaction.

    GroupLens forbids redistribution of most of these data sets and asks for acknowledgement: read
    the README in the archive before you use them.

    Args:
        name: The data set, which says which files are looked for.
        path: A folder or zip file with the original files (`u.data`, `u.item`, `u.user`;
            `ratings.dat`, `movies.dat`, `users.dat`; `ratings.csv`, `movies.csv`), or with
            `ratings.parquet`, `items.parquet` (or `movies.parquet`) and perhaps `users.parquet`
            of the same columns; there, `timestamp_filled` is used before `timestamp`, and
            `order_in_user` orders equal times. `None` downloads the original archive.
        cache_dir: Where downloads are kept; `~/.cache/tfrs_ext` by default.

    Returns:
        Frames with the columns `user_id`, `item_id`, `timestamp` and `rating`; user features
        `gender`, `age` and `occupation` where they are known; item features `title`, `genres` and
        `year` (which is parsed out of the title).

    Raises:
        ValueError: If there is no such data set.
        FileNotFoundError: If a file is missing.
        ConnectionError: If the download fails.

    References:
        Harper and Konstan (2015), The MovieLens Datasets: History and Context,
        doi:10.1145/2827872.
    """
    if name not in _READERS:
        raise ValueError(f"`name` must be one of {sorted(_READERS)}, received {name!r}.")
    if path is None:
        cache = pathlib.Path(cache_dir or "~/.cache/tfrs_ext").expanduser()
        path = download_zip(f"{_ADDRESS}ml-{name}.zip", cache)
    archive = Archive(path)
    reader = read_parquet if archive.find("ratings.parquet") else _READERS[name]
    tables = reader(archive)
    schema = Schema(
        title="title",
        user_features=_USER_FEATURES if tables.users is not None else {},
        item_features={"title": "text", "genres": "text", "year": "numeric"},
    )
    return load_frames(tables.ratings, tables.users, _with_year(tables.movies), schema)


def _with_year(movies: pd.DataFrame) -> pd.DataFrame:
    titles: pd.Series[Any] = movies["title"]
    year = pd.to_numeric(titles.str.extract(_YEAR, expand=False))
    genres = movies["genres"].replace("(no genres listed)", "")
    return movies.assign(year=year, genres=genres)
