"""Column kinds register themselves and say what stands for nothing."""

import dataclasses
import json
import sys

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tfrs_ext.features import (
    Categorical,
    Categories,
    ColumnEncoder,
    Feature,
    FeatureEncoder,
    History,
    HistoryTimes,
    Numeric,
    Text,
    Timestamp,
    Trigrams,
    Vector,
    as_columns,
    check_cells,
    example_inputs,
    read_columns,
)

STRINGS, NUMBERS = Categorical("c", ("a", "b")), Categorical("c", (3, 5))
NUMBER, TEXT, TIME = Numeric("n", mean=3.0, std=2.0), Text("t", ("red",)), Timestamp("w", 100, 200)
ALL = [STRINGS, NUMBERS, NUMBER, TEXT, TIME, History("h", (3, 5), 4), History("h", ("a",), 2)]
ALL += [Vector("v", 3), Vector("v", 2, (1.0, 2.0), 0.5), Categories("g", ("Red tea",), ", ")]
ALL += [Trigrams("q", ("#go", "goo")), HistoryTimes("m", 4)]


@pytest.mark.parametrize("feature", ALL, ids=repr)
def test_every_kind_keeps_its_promises(feature):
    config = json.loads(json.dumps(feature.get_config()))
    assert Feature.from_config(config) == feature
    encoded = feature.encoder(6)(feature.example())
    assert encoded.shape == [1, feature.output_width(6)]
    np.testing.assert_array_equal(feature.unknown, feature.missing)
    assert feature.kind in ("", *Feature.kinds())


def test_times_of_a_history_say_how_long_it_took_and_how_fast_it_went():
    day = 86_400
    rows = [[0, 5, 5 + 2 * day, 5 + 3 * day], [0, 0, 0, 9], [0] * 4, [1, 2, 3, 4]]
    encoded = HistoryTimes("m", 4).encoder(8)(tf.constant(rows, tf.int64))
    expected = [[3, 1.5], [0, 0], [0, 0], [3 / day, 1 / day]]
    np.testing.assert_allclose(encoded, np.log1p(expected), rtol=1e-5)


def test_every_kind_is_in_this_test():
    known = Feature._classes.values()
    # Examples in docstrings define kinds as well, which no module has.
    ours = {cls for cls in known if cls is getattr(sys.modules[cls.__module__], cls.__name__, 0)}
    ours = {cls for cls in ours if cls.__module__.startswith("tfrs_ext.")}
    assert ours == {type(feature) for feature in ALL}


@pytest.mark.parametrize(
    ("feature", "expected"), [(STRINGS, ""), (NUMBERS, -1), (NUMBER, 3.0), (TEXT, ""), (TIME, 100)]
)
def test_what_is_missing_is_one_thing_in_tables_and_examples(feature, expected):
    dtype = object if expected == "" else "Float64"
    assert feature.to_array(pd.Series([None, None], dtype=dtype)).tolist() == [expected] * 2
    example = feature.example().numpy()[0]
    assert (example.decode() if isinstance(example, bytes) else example) == expected


class HueEncoder(ColumnEncoder):
    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=[2], initializer="ones")

    def call(self, values):
        angle = tf.cast(values / self.feature.circle * 2 * np.pi, self.compute_dtype)
        return tf.stack([tf.cos(angle), tf.sin(angle)], 1) * self.scale


@dataclasses.dataclass(frozen=True)
class Hue(Feature):
    """A user's own kind: an angle."""

    kind = "hue"
    missing = np.float32(0.0)
    circle: float = 360.0

    @classmethod
    def convert(cls, column, name):
        check_cells(column, column < 0, f"{name} must be an angle", "Add 360.")
        return column

    @classmethod
    def fit(cls, name, column, circle=360.0):
        return cls(name, circle)

    def encoder(self, embedding_dim):
        return HueEncoder(self)

    def output_width(self, embedding_dim):
        return 2


def test_an_encoder_of_one_s_own_is_a_layer_in_full_standing(tmp_path):
    batch = {"hue": np.array([0.0, 90.0, 180.0], np.float32)}
    run_layer_test(lambda: FeatureEncoder([Hue("hue")]), batch, tmp_path)
    np.testing.assert_allclose(
        FeatureEncoder([Hue("hue")])(batch), [[1, 0], [0, 1], [-1, 0]], atol=1e-6
    )


def test_kinds_are_registered_by_word_and_by_class():
    assert Feature.of_kind("hue") is Hue
    assert Feature.from_config(Hue("h", 400.0).get_config()) == Hue("h", 400.0)
    with pytest.raises(
        ValueError, match=r"`kind` must be one of .*'numeric'.*, received 'flavour'"
    ):
        Feature.of_kind("flavour")
    with pytest.raises(ValueError, match=r"'h' is of a kind that isn't defined here, 'Flavour'"):
        Feature.from_config({"class_name": "Flavour", "name": "h"})


@pytest.mark.parametrize(("name", "kind"), [("Numeric", ""), ("Number", "numeric")])
def test_a_kind_takes_no_other_s_place(name, kind):
    with pytest.raises(ValueError, match=r"a name and a `kind` of its own, received"):
        type(name, (Feature,), {"kind": kind, "__module__": "shop"})
    assert Feature.of_kind("numeric") is Numeric


def test_columns_have_their_shapes_whoever_brings_them():
    features = [NUMBER, STRINGS, History("h", (3, 5), 2)]
    table = pd.DataFrame({"n": [1.0, 2.0], "c": ["a", "b"], "other": [1, 2]})
    columns = read_columns(table, features[:2])
    assert columns["n"].numpy().tolist() == [1.0, 2.0]
    assert columns["c"].numpy().tolist() == [b"a", b"b"]
    batch = {"n": tf.ones([3, 1]), "c": tf.fill([3, 1], "a"), "h": tf.ones([3, 2, 1], tf.int64)}
    shapes = {name: column.shape for name, column in read_columns(batch, features).items()}
    assert shapes == {"n": [3], "c": [3], "h": [3, 2]}
    with pytest.raises(ValueError, match=r"`inputs\['n'\]` must have shape \[B\], received"):
        read_columns({"n": tf.ones([3, 2])}, [NUMBER])
    with pytest.raises(ValueError, match=r"`inputs\['v'\]` must have shape \[B, 3\], received"):
        read_columns({"v": tf.ones([3, 2])}, [Vector("v", 3)])
    with pytest.raises(ValueError, match=r"`inputs\['n'\]` must hold numbers, received string"):
        read_columns({"n": tf.constant(["a"])}, [NUMBER])
    with pytest.raises(ValueError, match=r"`inputs\['n'\]` must be dense, received a RaggedTensor"):
        read_columns({"n": tf.ragged.constant([[1.0], []])}, [NUMBER])
    assert read_columns(example_inputs(ALL[4:6]), ALL[4:6]).keys() == {"w", "h"}


def test_wrong_cells_are_named_with_their_row():
    column = pd.Series([1.0, -2.0, -3.0])
    with pytest.raises(ValueError, match=r"^x must be an angle, received -2\.0 in row 1 and in 1"):
        Hue.convert(column, "x")


@pytest.mark.parametrize("lists", [[[3], [], [5, 3, 5, 3]], [["a"], [], ["b", "a", "b", "a"]]])
def test_histories_may_be_ragged_or_sparse(lists):
    ragged = tf.ragged.constant(lists)
    history = History("h", tuple(lists[2][:2]), 3)
    empty = history.padding
    expected = [[empty, empty, *lists[0]], [empty] * 3, lists[2][1:]]
    for column in (ragged, ragged.to_sparse()):
        dense = read_columns({"h": column}, [history])["h"]
        assert dense.shape == [3, 3]
        np.testing.assert_array_equal(dense.numpy().astype(type(empty)), expected)


def test_batches_become_mappings_of_columns():
    rows = {"a": pd.Series([1.0, 2.0]), "t": pd.Series(["x", "y"])}
    for batch in (rows, (rows,), (rows, [0, 1]), pd.DataFrame(rows), [rows]):
        columns = as_columns(batch)
        assert {name: column.shape for name, column in columns.items()} == {"a": [2], "t": [2]}
    weights = as_columns((rows, None, np.array([[3.0], [4.0]])))["sample_weight"]
    np.testing.assert_array_equal(weights, [3.0, 4.0])
    with pytest.raises(ValueError, match="must be a mapping of column name to values, received a "):
        as_columns(tf.ones([2, 3]))
