"""Answers requests from bundles with TensorFlow alone; run as a script in a fresh interpreter.

Each line of the standard input is a JSON object, and is answered by one on the standard output.
This text is passed to `python -c`: it must not import the package that it checks.
"""

import gc
import json
import os
import sys
import threading
import time
from typing import Any


def plain(value: object) -> Any:
    """Returns an array as nested lists; bytes as text."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def array(values: Any, dtype: Any, rank: int) -> Any:
    """Returns nested lists as an array of the signature's dtype."""
    import numpy as np

    if dtype.name == "string":
        result = np.array(values, dtype=object)
        flat = [str(v).encode("utf-8", "surrogateescape") for v in result.reshape(-1)]
        shape = result.shape if result.ndim >= rank else (*result.shape, 0)
        filled = np.empty(len(flat), dtype=object)
        filled[:] = flat
        return filled.reshape(shape)
    return np.array(values, dtype=dtype.as_numpy_dtype)


class Load:
    """Answers as Python programs do: `tf.saved_model.load`."""

    def __init__(self, path: str) -> None:
        import tensorflow as tf

        self.loaded = tf.saved_model.load(path)

    def __call__(self, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """Returns the outputs as arrays."""
        import tensorflow as tf

        signature = self.loaded.signatures[name]
        specs = signature.structured_input_signature[1]
        tensors = {
            key: tf.constant(array(values, specs[key].dtype, specs[key].shape.rank))
            for key, values in inputs.items()
        }
        return {key: value.numpy() for key, value in signature(**tensors).items()}


class Session:
    """Answers as TensorFlow Serving does: a session over the graph."""

    def __init__(self, path: str) -> None:
        import tensorflow as tf

        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            meta = tf.compat.v1.saved_model.load(self.session, ["serve"], path)
        self.signatures = meta.signature_def

    def __call__(self, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """Returns the outputs as arrays."""
        import tensorflow as tf

        signature, feeds = self.signatures[name], {}
        for key, values in inputs.items():
            info = signature.inputs[key]
            rank = len(info.tensor_shape.dim)
            feeds[info.name] = array(values, tf.dtypes.as_dtype(info.dtype), rank)
        fetches = {key: info.name for key, info in signature.outputs.items()}
        outputs: dict[str, Any] = self.session.run(fetches, feeds)
        return outputs


def end_with_parent() -> None:
    """Ends this process soon after the one that started it, in whatever way that ended.

    The end of the standard input tells it, too, but not while a question is being answered, nor
    where the parent has forked: the fork then holds the input open.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """Returns the answers to the requests of a job, and what should not have been imported."""
    import tensorflow as tf

    if job["op_library"]:
        tf.load_op_library(job["op_library"])
    kinds: dict[str, Any] = {"load": Load, "session": Session}
    made: dict[str, Any] = {}
    answers = []
    for request in job["requests"]:
        through = request["through"]
        if through not in made:
            made[through] = kinds[through](job["path"])
        outputs = made[through](request["signature"], request["inputs"])
        answers.append({name: plain(value.tolist()) for name, value in outputs.items()})
    foreign = sorted({"tfrs_ext", "tensorflow_recommenders"} & set(sys.modules))
    return {"answers": answers, "foreign": foreign}


def main() -> None:
    """Answers jobs until there are no more."""
    end_with_parent()
    # What libraries print mustn't stand between the answers.
    answers_file = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    gc.disable()  # What is imported stays: no collection has to look through it.
    import tensorflow  # noqa: F401 - takes seconds: the first job may still be in the making.

    gc.freeze()
    gc.enable()

    with answers_file:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), file=answers_file, flush=True)


if __name__ == "__main__":
    main()
