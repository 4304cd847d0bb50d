"""What every test needs: few threads, a fixed seed, and no notices from TensorFlow."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tfrs_ext  # noqa: F401, I001  # First: it chooses Keras 2 for every import below.

import pytest

from tfrs_ext._keras import keras


@pytest.fixture(autouse=True)
def _fixed_seed():
    keras.utils.set_random_seed(7)
    yield
    keras.backend.clear_session()
