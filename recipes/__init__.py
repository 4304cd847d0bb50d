"""Runnable jobs over the public API: tune, train, export, query."""

import os
import sys

# The console is for our lines: what TensorFlow says of itself comes with `-v`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if {"-v", "--verbose"} & {*sys.argv} else "3")

import tfrs_ext as tfrs_ext  # Before tensorflow: it turns Keras 2 on.
