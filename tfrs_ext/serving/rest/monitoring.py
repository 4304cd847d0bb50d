"""Counts of what a server did, in the text that Prometheus reads.

The names are TensorFlow Serving's where it counts the same, so that its dashboards go on working.
"""

import collections
import threading

_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_COUNT = ":tensorflow:serving:request_count"
_LATENCY = ":tensorflow:serving:request_latency_seconds"


class Monitor:
    """Counts requests by model and status, and the seconds that predictions took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: collections.Counter[tuple[str, int]] = collections.Counter()
        self._seconds: dict[str, list[int]] = {}
        self._sums: collections.defaultdict[str, float] = collections.defaultdict(float)

    def count(self, model: str, status: int, seconds: float) -> None:
        """Adds a prediction.

        Args:
            model: The name of a model that is served.
            status: The HTTP status of the answer.
            seconds: The time that it took.
        """
        with self._lock:
            self._requests[model, status] += 1
            buckets = self._seconds.setdefault(model, [0] * (len(_BOUNDS) + 1))
            for i, bound in enumerate(_BOUNDS):
                buckets[i] += seconds <= bound
            buckets[-1] += 1
            self._sums[model] += seconds

    def text(self, in_flight: int, versions: dict[str, int]) -> str:
        """Returns the page.

        Args:
            in_flight: How many predictions run or wait now.
            versions: How many versions of each model answer.
        """
        with self._lock:
            lines = [f"# TYPE {_COUNT} counter"]
            for (model, status), number in sorted(self._requests.items()):
                labels = f'model_name="{model}",status="{status}"'
                lines.append(f"{_COUNT}{{{labels}}} {number}")
            lines.append(f"# TYPE {_LATENCY} histogram")
            for model, buckets in sorted(self._seconds.items()):
                for bound, number in zip((*map(str, _BOUNDS), "+Inf"), buckets, strict=True):
                    labels = f'model_name="{model}",le="{bound}"'
                    lines.append(f"{_LATENCY}_bucket{{{labels}}} {number}")
                lines.append(f'{_LATENCY}_sum{{model_name="{model}"}} {self._sums[model]}')
                lines.append(f'{_LATENCY}_count{{model_name="{model}"}} {buckets[-1]}')
        lines += ["# TYPE tfrs_ext_in_flight gauge", f"tfrs_ext_in_flight {in_flight}"]
        lines.append("# TYPE tfrs_ext_versions gauge")
        for model, number in sorted(versions.items()):
            lines.append(f'tfrs_ext_versions{{model_name="{model}"}} {number}')
        return "\n".join(lines) + "\n"
