"""Tables to tf.data: schemas, splits, vocabularies, synthetic data, files beyond memory."""

from tfrs_ext.data.events import weigh_events
from tfrs_ext.data.feature_set import FeatureSet, fit_features
from tfrs_ext.data.frames import Frames, join
from tfrs_ext.data.impression_batches import impressions_dataset
from tfrs_ext.data.impressions import with_impressions
from tfrs_ext.data.inspection import Inspection, inspect_interactions
from tfrs_ext.data.invention import Truth, synthetic
from tfrs_ext.data.label_columns import keep_positives, label_by_column
from tfrs_ext.data.labels import with_labels, with_negatives
from tfrs_ext.data.load import DataWarning, load_frames
from tfrs_ext.data.movielens import load_movielens
from tfrs_ext.data.next_items import next_item_queries
from tfrs_ext.data.parquet.dataset import parquet_dataset
from tfrs_ext.data.parquet.grouping import group_parquet_by_user
from tfrs_ext.data.parquet.interactions import ParquetInteractions, open_parquet
from tfrs_ext.data.parquet.scan import ParquetFacts, scan_parquet
from tfrs_ext.data.pipelines import candidates_dataset, ranking_dataset, training_dataset
from tfrs_ext.data.queries import (
    EvaluationQueries,
    context_columns,
    evaluation_queries,
    item_columns,
    user_states,
)
from tfrs_ext.data.schema import Schema
from tfrs_ext.data.sequences import sequence_dataset
from tfrs_ext.data.shown_pairs import ShownPairs, draw_shown_pairs, shown_dataset
from tfrs_ext.data.splits import Split, global_time_split, leave_one_out, random_split
from tfrs_ext.data.taken import history_times, item_counts, item_histories, seen_items
from tfrs_ext.data.typed_queries import abridge, misspell

__all__ = [
    "DataWarning",
    "EvaluationQueries",
    "FeatureSet",
    "Frames",
    "Inspection",
    "ParquetFacts",
    "ParquetInteractions",
    "Schema",
    "ShownPairs",
    "Split",
    "Truth",
    "abridge",
    "candidates_dataset",
    "context_columns",
    "draw_shown_pairs",
    "evaluation_queries",
    "fit_features",
    "global_time_split",
    "group_parquet_by_user",
    "history_times",
    "impressions_dataset",
    "inspect_interactions",
    "item_columns",
    "item_counts",
    "item_histories",
    "join",
    "keep_positives",
    "label_by_column",
    "leave_one_out",
    "load_frames",
    "load_movielens",
    "misspell",
    "next_item_queries",
    "open_parquet",
    "parquet_dataset",
    "random_split",
    "ranking_dataset",
    "scan_parquet",
    "seen_items",
    "sequence_dataset",
    "shown_dataset",
    "synthetic",
    "training_dataset",
    "user_states",
    "weigh_events",
    "with_impressions",
    "with_labels",
    "with_negatives",
]
