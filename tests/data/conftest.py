"""A small shop, and where real data may lie."""

import pathlib

import pandas as pd
import pytest

from tfrs_ext.data import Schema, load_frames

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def shop():
    """Three users, four items, one of which nobody took, with features of every kind."""
    interactions = pd.DataFrame(
        {
            "user_id": ["a", "a", "a", "b", "b", "c"],
            "item_id": [10, 20, 30, 10, 20, 30],
            "timestamp": [1, 2, 3, 4, 5, 6],
            "stars": [5, 4, 3, 2, 1, 5],
            "weight": [1.0, 0.5, 2.0, 1.0, 0.0, 1.0],
        }
    )
    users = pd.DataFrame(
        {
            "user_id": ["a", "b", "c", "d"],
            "city": ["Oslo", None, "Riga", "Bonn"],
            "age": [20, 40, None, 90],
        }
    )
    items = pd.DataFrame(
        {
            "item_id": [10, 20, 30, 40],
            "name": ["Red Tea", "green tea", "Red-Hot Chilli's", "Blue tea"],
            "shelf": [1, 2, 1, 9],
            "made": ["2020-01-01", "2021-01-01", None, "2031-01-01"],
        }
    )
    schema = Schema(
        weight="weight",
        label="stars",
        title="name",
        user_features={"city": "categorical", "age": "numeric"},
        item_features={"name": "text", "shelf": "categorical", "made": "timestamp"},
    )
    return load_frames(interactions, users, items, schema)


@pytest.fixture
def movielens_folder():
    def find(name):
        folder = SHARED / f"ml-{name}"
        if not folder.is_dir():
            pytest.skip(f"needs the data in {folder.name}, which may not be passed on")
        return folder

    return find
