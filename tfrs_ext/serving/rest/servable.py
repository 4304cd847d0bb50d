"""One version, loaded as TensorFlow Serving loads it."""

import gc
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.indexes import load_op_library
from tfrs_ext.serving.publishing.manifest import op_library
from tfrs_ext.serving.publishing.warmup import read_warmup
from tfrs_ext.serving.rest.tensors import TensorSpec
from tfrs_ext.typing import PathLike


class Servable:
    """A version in a session of its own, so that closing it frees all that it holds.

    Tables, variables and a ScaNN searcher live in the session's devices; objects that
    `tf.saved_model.load` makes would keep the searcher in the process's.

    Args:
        path: The version's folder.

    Raises:
        ImportError: Where the version needs operations whose package is missing.
    """

    def __init__(self, path: PathLike) -> None:
        path = pathlib.Path(path)
        library = op_library(path)
        if library is not None:
            load_op_library(library)
        self._calls: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._session: Any = tf.compat.v1.Session(graph=tf.Graph())
        try:
            with self._session.graph.as_default():
                meta = tf.compat.v1.saved_model.load(self._session, ["serve"], str(path))
            signatures = {n: s for n, s in meta.signature_def.items() if s.inputs}
            self.inputs = {name: _specs(s.inputs) for name, s in signatures.items()}
            self.outputs = {name: _specs(s.outputs) for name, s in signatures.items()}
            self._calls = {(n, ()): self._callable(n, self.outputs[n]) for n in signatures}
            for name, values in read_warmup(path):
                self.run(name, values)
        except BaseException:
            self.close()
            raise

    def _callable(self, name: str, outputs: Iterable[str]) -> Any:
        feeds = [spec.tensor for spec in self.inputs[name].values()]
        return self._session.make_callable(
            {output: self.outputs[name][output].tensor for output in outputs},
            feeds,
            accept_options=True,
        )

    def run(
        self,
        signature: str,
        inputs: Mapping[str, npt.ArrayLike],
        seconds: float = 600.0,
        outputs: tuple[str, ...] = (),
    ) -> dict[str, npt.NDArray[Any]]:
        """Returns the outputs by name; any number of threads may call.

        Args:
            signature: The signature's name.
            inputs: All its inputs by name.
            seconds: The time that it may take.
            outputs: Which outputs are computed; `()` for all.

        Raises:
            tf.errors.DeadlineExceededError: Where it takes longer.
        """
        if self._session is None:
            raise RuntimeError("The version is closed.")
        names = self.inputs[signature]
        options = tf.compat.v1.RunOptions(timeout_in_ms=max(1, round(seconds * 1000)))
        call = self._calls.get((signature, outputs))
        if call is None:
            call = self._calls[signature, outputs] = self._callable(signature, outputs)
        found: dict[str, Any] = call(*(inputs[name] for name in names), options=options)
        return found

    def close(self) -> None:
        """Frees the version's memory, at once."""
        session, self._session, self._calls = self._session, None, {}
        if session is not None:
            session.close()
            # A graph refers to itself: megabytes of it would wait for the collector's next turn.
            del session
            gc.collect()


def _specs(tensors: Mapping[str, Any]) -> dict[str, TensorSpec]:
    specs = {}
    for name, info in sorted(tensors.items()):
        dtype = tf.dtypes.as_dtype(info.dtype)
        sizes = [None if dim.size < 0 else int(dim.size) for dim in info.tensor_shape.dim]
        numpy_dtype = np.dtype(object) if dtype == tf.string else np.dtype(dtype.as_numpy_dtype)
        specs[name] = TensorSpec(info.name, numpy_dtype, tuple(sizes))
    return specs
