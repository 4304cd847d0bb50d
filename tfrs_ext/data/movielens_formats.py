"""The file formats of the MovieLens data sets, read into tables with the same columns."""

import io
from typing import Any, NamedTuple

import pandas as pd

from tfrs_ext.data.archive import Archive

# In the order of the flags of `u.item`.
_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery"),
    *("Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_RATINGS = ["user_id", "item_id", "rating", "timestamp"]
_NAMES = {"userId": "user_id", "movieId": "item_id", "movie_id": "item_id"}


class Tables(NamedTuple):
    """Ratings (`user_id`, `item_id`, `rating`, `timestamp`), movies and, if known, users."""

    ratings: pd.DataFrame
    movies: pd.DataFrame
    users: pd.DataFrame | None


def read_100k(archive: Archive) -> Tables:
    """Reads `u.data` (tabs), `u.item` and `u.user` (bars), in Latin-1."""
    movies = _read(
        archive,
        "u.item",
        sep="|",
        names=["item_id", "title", "release_date", "video_release_date", "url", *_GENRES],
    )
    flags = movies[list(_GENRES)].to_numpy(bool)
    genres = ["|".join(g for g, on in zip(_GENRES, row, strict=True) if on) for row in flags]
    users = ["user_id", "age", "gender", "occupation", "zip_code"]
    return Tables(
        _read(archive, "u.data", sep="\t", names=_RATINGS),
        movies[["item_id", "title"]].assign(genres=genres),
        _read(archive, "u.user", sep="|", names=users).drop(columns="zip_code"),
    )


def read_1m(archive: Archive) -> Tables:
    """Reads `ratings.dat`, `movies.dat` and `users.dat` (double colons), in Latin-1."""
    users = ["user_id", "gender", "age", "occupation", "zip_code"]
    return Tables(
        _read(archive, "ratings.dat", sep="::", names=_RATINGS),
        _read(archive, "movies.dat", sep="::", names=["item_id", "title", "genres"]),
        _read(archive, "users.dat", sep="::", names=users).drop(columns="zip_code"),
    )


def read_csv(archive: Archive) -> Tables:
    """Reads `ratings.csv` and `movies.csv`, in UTF-8."""
    ratings, movies = (
        pd.read_csv(io.BytesIO(archive.read(name)), keep_default_na=False).rename(columns=_NAMES)
        for name in ("ratings.csv", "movies.csv")
    )
    return Tables(ratings, movies, None)


def read_parquet(archive: Archive) -> Tables:
    """Reads `ratings.parquet`, `items.parquet` or `movies.parquet`, and `users.parquet`."""
    ratings = _parquet(archive, "ratings.parquet")
    if "order_in_user" in ratings:
        # Equal times are common: this tells who came first.
        ratings = ratings.sort_values("order_in_user", kind="stable", na_position="last")
    if "timestamp_filled" in ratings:
        ratings["timestamp"] = ratings.pop("timestamp_filled")
    has_users = archive.find("users.parquet") is not None
    users = _parquet(archive, "users.parquet") if has_users else None
    return Tables(ratings, _parquet(archive, "items.parquet", "movies.parquet"), users)


def _read(archive: Archive, name: str, sep: str, names: list[str]) -> pd.DataFrame:
    # pandas reads one-letter separators ten times faster; no field contains a tab.
    content = archive.read(name).replace(b"::", b"\t") if sep == "::" else archive.read(name)
    options: Any = {"quoting": 3, "encoding": "latin-1", "keep_default_na": False}
    sep = "\t" if sep == "::" else sep
    return pd.read_csv(io.BytesIO(content), sep=sep, names=names, header=None, **options)


def _parquet(archive: Archive, *names: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(archive.read(*names))).rename(columns=_NAMES)
