"""The file in a version's folder by which the server joins requests into batches."""

import pathlib
from collections.abc import Mapping
from typing import Any

_NAME = "batching_params.pbtxt"
_TEXT = """# Read where the server runs with --enable_batching and
# --enable_per_model_batching_parameters. Requests with a scalar input, such as k of `recommend`,
# can't be joined: the server refuses them then.
max_batch_size { value: 64 }
batch_timeout_micros { value: 1000 }
max_enqueued_batches { value: 100 }
"""


def write_batching_params(folder: pathlib.Path, signatures: Mapping[str, Any]) -> None:
    """Writes the file where requests of the default signature can be joined.

    That is where all rows of an input have one length: rows of other lengths, such as the items
    to be ranked, would be padded by the server with values of its own.

    Args:
        folder: The version's folder.
        signatures: The signatures, in the form of the manifest.
    """
    inputs = signatures["serving_default"]["inputs"].values()
    if all(facts["shape"][:1] == [None] and None not in facts["shape"][1:] for facts in inputs):
        (folder / _NAME).write_text(_TEXT, encoding="utf-8")
