"""Libraries of custom operations, found in the package that brings them and loaded alone."""

import importlib.util
import pathlib

import tensorflow as tf

from tfrs_ext.indexes.processor import use_avx2


def find_op_library(library: str) -> str:
    """Returns the path of a library of custom operations on this machine.

    The package that brings the library is looked up and not imported.

    Args:
        library: The package and the file in it, `"package/folder/file.so"`, as
            `Index.op_library()` says and as a manifest's `op_library` holds it.

    Raises:
        ImportError: Where the package isn't installed.
        ValueError: Where `library` names a file outside of a package.
    """
    package, _, file = library.partition("/")
    path = pathlib.PurePosixPath(library)
    # A manifest may come from anybody: what it names is loaded, and so run.
    if not package.isidentifier() or not file or path.is_absolute() or ".." in path.parts:
        raise ValueError(
            "`library` must be a package and a file in it, such as 'package/folder/file.so', "
            f"received {library!r}. Don't load a version from a source that you don't trust."
        )
    found = importlib.util.find_spec(package)
    if found is None or not found.origin:
        raise ImportError(
            f"The operations in {library} are needed, and the package {package} isn't installed: "
            f'install it, with `pip install "tfrs-ext[{package}]"` where it is an extra.'
        )
    return str(pathlib.Path(found.origin).parent / file)


def load_op_library(library: str) -> None:
    """Loads a library of custom operations into this process; once more changes nothing.

    Args:
        library: The package and the file in it, as `find_op_library` takes it.

    Raises:
        ImportError: Where the package isn't installed.
    """
    path = find_op_library(library)
    tf.load_op_library(path)
    use_avx2(path)  # Nothing happens where the library isn't ScaNN's.
