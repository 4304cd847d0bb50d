"""What one request may ask for."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on a request; beyond them it is refused, with the bound in the reason.

    Attributes:
        body_bytes: Size of the body.
        batch: Rows.
        k: Results to a row, where the signature takes `k`.
        body_seconds: Time for a client to send its body.
    """

    body_bytes: int = 1 << 20
    batch: int = 256
    k: int = 1000
    body_seconds: float = 10.0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value <= 0:
                raise ValueError(f"`{name}` must be positive, received {name}={value}.")
