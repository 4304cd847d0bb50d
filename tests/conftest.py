"""What every test needs: few threads, a fixed seed, and no notices from TensorFlow."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tfrs_ext  # noqa: F401, I001  # First: it chooses Keras 2 for every import below.

import pytest
import tensorflow as tf

from tfrs_ext._keras import keras

# Two devices on one processor, for tests of `tf.distribute`; it works before the first tensor only.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture
def two_devices():
    """Names of two devices, for a strategy with two replicas."""
    return ["CPU:0", "CPU:1"]


@pytest.fixture(autouse=True)
def _fixed_seed():
    keras.utils.set_random_seed(7)
    yield
    keras.backend.clear_session()
