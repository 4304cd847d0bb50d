"""Sources of negatives, each answering with `Candidates`, and estimators of Q."""

from tfrs_ext.negatives.counted_frequency import CountedFrequency
from tfrs_ext.negatives.streaming_frequency import StreamingFrequency

__all__ = ["CountedFrequency", "StreamingFrequency"]
