import json

import pytest

from tfrs_ext.data import Schema


def test_survives_json():
    schema = Schema(
        timestamp=None, title="t", user_features={"a": "text"}, item_features={"b": "numeric"}
    )
    assert Schema.from_config(json.loads(json.dumps(schema.get_config()))) == schema


def test_kinds_may_have_options_of_their_own():
    with pytest.raises(ValueError, match=r"may have the options \['min_count'\] .* \['words'\]"):
        Schema(item_features={"title": {"kind": "text", "words": 2}})


def test_rejects_unknown_kinds():
    with pytest.raises(ValueError, match=r"`user_features\['age'\]` must be .* received 'number'"):
        Schema(user_features={"age": "number"})


@pytest.mark.parametrize(
    "names",
    [
        {"user_features": {"name": "text"}, "item_features": {"name": "text"}},
        {"user_features": {"history": "text"}},
        {"item_features": {"item_id": "categorical"}},
        {"label": "x", "item_features": {"x": "numeric"}},
        {"user_id": "id", "item_id": "id"},
    ],
)
def test_rejects_names_that_would_collide_in_a_batch(names):
    with pytest.raises(ValueError, match=r"distinct names .* Rename the column"):
        Schema(**names)
