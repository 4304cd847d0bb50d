"""Estimators of Q, the probability that one draw gives an item."""

from tfrs_ext.frequencies.counted_frequency import CountedFrequency
from tfrs_ext.frequencies.streaming_frequency import StreamingFrequency

__all__ = ["CountedFrequency", "StreamingFrequency"]
