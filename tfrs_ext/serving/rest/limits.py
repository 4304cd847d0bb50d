"""What a server takes upon itself."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on requests and connections; beyond them a request is refused, with the bound.

    Args:
        body_bytes: The size of a body, before and after it is unpacked.
        rows: Rows of a request.
        values: Elements of one input of a request, such as the items to be ranked in all rows.
        k: Results to a row, where the signature takes `k`.
        in_flight: Predictions that run or wait; more are answered 503.
        threads: Predictions that run at a time.
        body_seconds: Time for a client to send its body.
        answer_seconds: Time for a prediction, after which it is ended.
        header_seconds: Time for a client to send a request's head, after which the connection is
            closed.
        idle_seconds: Time that a connection may wait for its next request.
        drain_seconds: Time for requests to be finished once the server is to stop.

    Raises:
        ValueError: Where one isn't a positive finite number.
    """

    body_bytes: int = 1 << 20
    rows: int = 256
    values: int = 65_536
    k: int = 1000
    in_flight: int = 64
    threads: int = 8
    body_seconds: float = 10.0
    answer_seconds: float = 10.0
    header_seconds: float = 10.0
    idle_seconds: float = 60.0
    drain_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not 0 < value < math.inf:
                raise ValueError(f"`{name}` must be positive, received {name}={value}.")
