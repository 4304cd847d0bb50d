"""Runnable jobs over the public API: tune, train, export, query."""

import gc
import os
import sys

# The console is for our lines: what TensorFlow says of itself comes with `-v`.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if {"-v", "--verbose"} & {*sys.argv} else "3")

# What is imported stays. Looking through it again and again for garbage, while it grows and later
# in each training, takes over a second of a short run.
_collects = gc.isenabled()
gc.disable()
import tfrs_ext as tfrs_ext  # noqa: E402 - before tensorflow: it turns Keras 2 on.

gc.freeze()
if _collects:
    gc.enable()
