"""Runnable jobs over the public API: tune, train, export, query."""

import tfrs_ext as tfrs_ext  # Before tensorflow: it turns Keras 2 on.
