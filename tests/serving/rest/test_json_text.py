"""JSON with orjson and without it says the same."""

import json
import math

import numpy as np
import pytest

from tfrs_ext.serving.rest import json_text


@pytest.fixture(params=["orjson", "json"], autouse=True)
def library(request, monkeypatch):
    """Each test runs with either library."""
    if request.param == "orjson":
        pytest.importorskip("orjson")
    else:
        monkeypatch.setattr(json_text, "_has_orjson", False)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "float32", "float64", "bool"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 3), (2, 0)])
def test_arrays_are_lists_in_json(dtype, shape):
    array = np.random.default_rng(0).normal(size=shape).astype(dtype)
    text = json_text.to_json({"rows": [{"x": array}, {"x": [array]}], "é": "ü", "none": None})
    found = json.loads(text)
    assert found["é"] == "ü"
    assert "é".encode() in text
    values = np.array(found["rows"][0]["x"], dtype).reshape(shape)
    np.testing.assert_array_equal(values, array)
    assert found["rows"][1]["x"] == [found["rows"][0]["x"]]


def test_rows_of_an_array_and_its_numbers_can_be_written():
    array = np.arange(6, dtype=np.float32).reshape(2, 3) / 4
    assert json.loads(json_text.to_json([array[1], array[1, 2]])) == [[0.75, 1.0, 1.25], 1.25]


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": 1,}', b"1 2"])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        json_text.from_json(text)


def test_numbers_keep_their_types():
    found = json_text.from_json(b'[1, 1.0, true, 1e3, 9223372036854775807, "1"]')
    assert [type(value) for value in found] == [int, float, bool, float, int, str]
    assert found[4] == 2**63 - 1
    assert math.isclose(found[3], 1000)
