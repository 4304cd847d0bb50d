import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.json_text import from_json, to_json
from tfrs_ext.serving.rest.tensors import TensorSpec, from_array, to_array

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
DTYPES = st.sampled_from(["int32", "int64", "uint8", "float32", "float64", "bool"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
)


def spec(dtype, *shape):
    return TensorSpec("x:0", np.dtype(dtype), shape)


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(st.data(), DTYPES, SHAPES)
def test_arrays_survive_the_way_through_json(data, dtype, shape):
    numbers = {"allow_nan": False, "allow_infinity": False} if dtype.startswith("f") else {}
    array = data.draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(np.dtype(dtype), **numbers)))
    values = from_json(to_json(from_array("x", array)))
    found = to_array("x", values, spec(dtype, None, *shape[1:]) if shape else spec(dtype))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


@hypothesis.given(st.lists(st.text(), max_size=4), st.lists(st.binary(), max_size=4))
def test_strings_are_utf8_and_bytes_are_base64(texts, blobs):
    texts = [text for text in texts if text.isascii() or not set(text) & set("\ud800")]
    array = np.array([text.encode("utf-8", "replace") for text in texts], object)
    assert to_array("x", from_array("x", array), spec(object, None)).tolist() == array.tolist()
    array = np.empty(len(blobs), object)
    array[:] = blobs
    values = from_json(to_json(from_array("x_bytes", array)))
    assert to_array("x", values, spec(object, None)).tolist() == blobs


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(JSON, DTYPES | st.just("object"), st.integers(0, 3), st.booleans())
def test_any_json_is_an_array_of_the_spec_or_refused_with_the_inputs_name(value, dtype, rank, wide):
    wanted = spec(dtype, *([None] * rank)[:-1], *([2 if wide else None] if rank else []))
    try:
        array = to_array("ages", value, wanted)
    except RequestError as refused:
        reason = str(refused)
        array = np.empty([2] * rank, wanted.dtype)
    else:
        reason = "Input 'ages'"
    assert reason.startswith("Input 'ages'")
    assert array.dtype == wanted.dtype
    assert array.ndim == rank
    assert not (rank and wide) or array.shape[-1] == 2


@pytest.mark.parametrize(
    ("value", "dtype", "reason"),
    [
        ([1, "2"], "int64", "int64 values, received '2'"),
        ([1, 2.0], "int64", "int64 values, received 2.0"),
        ([True], "int32", "int32 values, received True"),
        ([2**31], "int32", "received 2147483648"),
        ([float("nan")], "float32", "a finite float32 values, received nan"),
        ([1e39], "float32", "received 1e[+]39"),
        ([10**400], "float64", "received 1000"),
        ([1], "bool", "bool values, received 1"),
        ([None], "object", "strings, or bytes"),
        (["\ud800"], "object", "strings, or bytes"),
        ([{"b64": "?"}], "object", "strings, or bytes"),
        ([{"b64": 3}], "object", "strings, or bytes"),
        (3, "int64", "rank 1, received less: 3"),
        ([[1], [2, 3]], "int64", "int64 values, received"),
    ],
)
def test_wrong_values_are_refused_with_the_reason(value, dtype, reason):
    with pytest.raises(RequestError, match=reason.replace("[1000", "1000")):
        to_array("x", value, spec(dtype, None))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", tf.bfloat16.as_numpy_dtype])
def test_answers_hold_finite_numbers_alone(value, dtype):
    with pytest.raises(RequestError, match="answers these inputs with NaN or infinity"):
        from_array("x", np.array([[1.0, value]], dtype))


def test_ragged_rows_are_refused():
    with pytest.raises(RequestError, match=r"equal length along axis 1.*\[1, 2\]: pad"):
        to_array("x", [[1], [2, 3]], spec("int64", None, None))


def test_no_rows_have_the_width_of_the_spec():
    assert to_array("x", [], spec("int64", None, 5)).shape == (0, 5)
    with pytest.raises(RequestError, match="size 5 along axis 1, received 0"):
        to_array("x", [[]], spec("int64", None, 5))
