"""What every test needs: few threads, a fixed seed, and no notices from TensorFlow."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tfrs_ext  # noqa: F401, I001  # First: it chooses Keras 2 for every import below.

import pytest
import tensorflow as tf

from tfrs_ext import serving
from tfrs_ext._keras import keras

gc.freeze()  # What is imported stays: no collection has to look through it again.

# Two devices on one processor, for tests of `tf.distribute`; it works before the first tensor only.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture
def two_replicas():
    """A strategy with two replicas on one processor.

    Collective operations have keys that all strategies of a process share, so that gradients of
    another test's model would meet this one's: sums are made on one device instead.
    """
    one_by_one = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], cross_device_ops=one_by_one)


@pytest.fixture(scope="session")
def kept_process():
    """One process that all exports of the session are checked in: each costs seconds to start."""
    with serving.keep_process():
        yield


@pytest.fixture(autouse=True)
def _fixed_seed():
    keras.utils.set_random_seed(7)
    yield
    keras.backend.clear_session()
