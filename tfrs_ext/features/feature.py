"""What every column kind is."""

import dataclasses
from typing import Any, ClassVar


@dataclasses.dataclass(frozen=True)
class Feature:
    """One input column, with the facts that a tower needs in order to embed it.

    Attributes:
        name: The column, which is the key in the batches and in the signatures of an export.
    """

    name: str
    _kinds: ClassVar[dict[str, type["Feature"]]] = {}

    def __init_subclass__(cls) -> None:
        Feature._kinds[cls.__name__] = cls

    def get_config(self) -> dict[str, Any]:
        """Returns a JSON-able description, for `Feature.from_config`."""
        return {"kind": type(self).__name__, **dataclasses.asdict(self)}

    @staticmethod
    def from_config(config: dict[str, Any]) -> "Feature":
        """Builds the feature that `get_config` described."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in config.items()
            if key != "kind"
        }
        return Feature._kinds[config["kind"]](**values)
