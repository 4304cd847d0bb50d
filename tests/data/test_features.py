import dataclasses
import json

import numpy as np
import pytest

from tests.data.tables import frames_of
from tfrs_ext.data import FeatureSet, fit_features
from tfrs_ext.features import Categorical, History, Numeric, Text, Timestamp


def test_fits_every_kind_to_the_rows_that_occur(shop):
    features = fit_features(shop, history_length=7)
    percentiles = tuple(20.0 + 0.2 * i for i in range(101))
    np.testing.assert_allclose(features.query[2].quantiles, percentiles)
    # User d and item 40 have no interaction; user b has no city, user c no age.
    assert features.query == (
        Categorical("user_id", ("a", "b", "c")),
        Categorical("city", ("Oslo", "Riga")),
        Numeric("age", mean=30.0, std=10.0, quantiles=features.query[2].quantiles),
        History("history", (10, 20, 30), 7),
    )
    assert features.candidate == (
        Categorical("item_id", (10, 20, 30)),
        Text("name", ("red", "tea")),
        Categorical("shelf", (1, 2)),
        Timestamp("made", 1577836800, 1609459200),
    )


def test_reads_nothing_but_the_given_rows(shop):
    part = fit_features(shop.select(shop.item_rows()[:2]))
    assert part.candidate[0].vocabulary == (10, 20)
    assert part.query[0].vocabulary == ("a",)


def test_vocabularies_hold_frequent_words_first(shop):
    kinds = {"name": {"kind": "text", "min_count": 1}}
    every = dataclasses.replace(shop, schema=dataclasses.replace(shop.schema, item_features=kinds))
    words = fit_features(every).candidate[1].vocabulary
    assert words == ("red", "tea", "chilli", "green", "hot", "s")


def test_survives_json(shop):
    features = fit_features(shop)
    config = json.loads(json.dumps(features.get_config()))
    assert FeatureSet.from_config(config) == features


def test_constant_columns_can_be_standardised(shop):
    users = shop.users.assign(age=5.0)
    frames = type(shop)(shop.interactions, users, shop.items, shop.schema)
    assert fit_features(frames).query[2] == Numeric("age", 5.0, 1.0, (5.0,) * 101)


def test_rejects_empty_sizes():
    with pytest.raises(ValueError, match="`history_length` must be at least 1, received 0"):
        fit_features(frames_of([(1, 2, 3)]), history_length=0)
