"""Refusals, with the HTTP status that they answer with."""

from collections.abc import Mapping


class RequestError(ValueError):
    """A request that can't be answered.

    Args:
        reason: What was wrong, for the client.
        status: HTTP status.
        headers: More headers of the answer.
    """

    def __init__(
        self, reason: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status, self.headers = status, dict(headers or {})
