"""Runnable jobs over the public API: tune, train, export, query."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # Progress stays readable; errors show.

import tfrs_ext as tfrs_ext  # Before tensorflow: it turns Keras 2 on.
