"""Column kinds: what a tower must know about one column of its input."""

from tfrs_ext.features.categorical import Categorical
from tfrs_ext.features.categories import Categories
from tfrs_ext.features.cells import check_cells
from tfrs_ext.features.column_encoder import ColumnEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.feature_encoder import FeatureEncoder
from tfrs_ext.features.frames import array_of_column, arrays_of_frame
from tfrs_ext.features.history import History
from tfrs_ext.features.history_times import HistoryTimes
from tfrs_ext.features.inputs import as_columns, example_inputs, read_columns
from tfrs_ext.features.lookup import make_lookup, replace_some
from tfrs_ext.features.numeric import Numeric
from tfrs_ext.features.text import Text
from tfrs_ext.features.timestamp import Timestamp
from tfrs_ext.features.trigrams import Trigrams
from tfrs_ext.features.vector import Vector

__all__ = [
    "Categorical",
    "Categories",
    "ColumnEncoder",
    "Feature",
    "FeatureEncoder",
    "History",
    "HistoryTimes",
    "Numeric",
    "Text",
    "Timestamp",
    "Trigrams",
    "Vector",
    "array_of_column",
    "arrays_of_frame",
    "as_columns",
    "check_cells",
    "example_inputs",
    "make_lookup",
    "read_columns",
    "replace_some",
]
