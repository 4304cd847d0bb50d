"""Refusals, with the HTTP status that they answer with."""


class RequestError(ValueError):
    """A request that can't be answered.

    Args:
        reason: What was wrong, for the client.
        status: HTTP status.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status
