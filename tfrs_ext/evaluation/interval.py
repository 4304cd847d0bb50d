"""A mean with its bounds: the one form in which this package holds and shows what is uncertain."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

_BISECTIONS = 100


class Interval(NamedTuple):
    """A mean, and the bounds between which the true mean lies with a stated probability.

    `str` and f-strings show it as `mean [low, high]`, each number in the format that is asked for.

    Attributes:
        mean: The estimate.
        low: The lower bound. Where nothing is known of the uncertainty, it equals the mean, or is
            NaN.
        high: The upper bound, in the same way.

    Relations:
        `RetrievalResult.confidence_interval` draws queries anew, `compare_results` and
        `compare_seeds` do so for differences; `Interval.of_repeats` is for one number a training,
        `Interval.of_error` for an estimate whose standard error is known.

    Example:
        >>> interval = Interval.of_repeats([0.1, 0.2, 0.3])
        >>> print(interval)
        0.2000 [-0.0484, 0.4484]
        >>> f"{interval:.1f}", interval.has_bounds, interval.excludes_zero
        ('0.2 [-0.0, 0.4]', True, False)

    References:
        Student: The Probable Error of a Mean, Biometrika 1908.
    """

    mean: float
    low: float
    high: float

    @classmethod
    def of_repeats(cls, values: Sequence[float], level: float = 0.95) -> "Interval":
        """Returns the mean of independent repeats with the interval of Student's t.

        `mean ± t(level, n - 1) · s / √n`, right where repeats are roughly normal, however few.

        Args:
            values: One number for each repeat, such as a metric for each seed. A single one has no
                bounds: they are NaN.
            level: The probability that the interval covers the true mean, between 0 and 1.
        """
        check_level(level)
        numbers = np.asarray(values, np.float64)
        if numbers.ndim != 1 or not numbers.size:
            raise ValueError(
                f"`values` must be a list of at least one number, received {values!r}."
            )
        mean, count = float(numbers.mean()), len(numbers)
        if count == 1:
            return cls(mean, math.nan, math.nan)
        half = _student_t(level, count - 1) * float(numbers.std(ddof=1)) / math.sqrt(count)
        return cls(mean, mean - half, mean + half)

    @classmethod
    def of_error(cls, mean: float, error: float, level: float = 0.95) -> "Interval":
        """Returns a mean with the normal interval of its standard error.

        `mean ± z(level) · error`, right where the mean is of so many rows that it is normal.

        Args:
            mean: The estimate.
            error: Its standard error, at least 0; NaN gives bounds that are NaN.
            level: The probability that the interval covers the true mean, between 0 and 1.
        """
        check_level(level)
        half = statistics.NormalDist().inv_cdf((1 + level) / 2) * float(error)
        return cls(float(mean), float(mean) - half, float(mean) + half)

    @property
    def has_bounds(self) -> bool:
        """Whether the bounds say anything."""
        return self.low < self.high

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference is more than luck: both bounds lie on one side of 0."""
        return self.low > 0 or self.high < 0

    @property
    def half_width(self) -> float:
        """Half the distance of the bounds, for `mean ± half_width`."""
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        return format(self)

    def __format__(self, spec: str) -> str:
        mean, low, high = (format(value, spec or ".4f") for value in self)
        return f"{mean} [{low}, {high}]" if self.has_bounds else mean


def check_level(level: float) -> None:
    """Raises a ValueError where `level` is no probability between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"`level` must lie between 0 and 1, received level={level}.")


def _student_t(level: float, freedom: int) -> float:
    """Returns the t with `P(|T| <= t) = level` for so many degrees of freedom.

    `P(|T| > t) = I_x(freedom / 2, 1 / 2)` with `x = freedom / (freedom + t²)`, which rises with x.
    """
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        outside = tf.math.betainc(*(tf.constant(v, tf.float64) for v in (freedom / 2, 0.5, middle)))
        low, high = (middle, high) if outside < 1 - level else (low, middle)
    return math.sqrt(freedom * (1 - high) / high)
