"""Files by name, from a folder or a zip file."""

import pathlib
import zipfile

from tfrs_ext.typing import PathLike

_MOST_BYTES = 1 << 33


class Archive:
    """The files of a folder, of the one folder in it, or of a zip file.

    Args:
        path: The folder or zip file.

    Raises:
        FileNotFoundError: If there is neither.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = pathlib.Path(path).expanduser()
        if self.path.is_dir():
            files = [*self.path.glob("*"), *self.path.glob("*/*")]
            self._names = [str(file.relative_to(self.path)) for file in files if file.is_file()]
        elif zipfile.is_zipfile(self.path):
            with zipfile.ZipFile(self.path) as archive:
                self._names = archive.namelist()
        else:
            raise FileNotFoundError(
                f"`path` must be a folder or a zip file, received {str(self.path)!r}, which is "
                f"{'neither' if self.path.exists() else 'missing'}."
            )

    def find(self, *names: str) -> str | None:
        """Returns where the first of some files is, the least nested one, or `None`."""
        for name in names:
            found = [path for path in self._names if pathlib.PurePosixPath(path).name == name]
            if found:
                return min(found, key=lambda path: path.count("/"))
        return None

    def read(self, *names: str) -> bytes:
        """Returns the content of the first of some files that is there.

        Raises:
            FileNotFoundError: If none is.
            ValueError: If it would unpack to more than memory should hold.
        """
        place = self.find(*names)
        if place is None:
            raise FileNotFoundError(
                f"{self.path} must hold {' or '.join(names)}, received {sorted(self._names)[:20]}."
            )
        if self.path.is_dir():
            return (self.path / place).read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            size = archive.getinfo(place).file_size
            if size > _MOST_BYTES:
                raise ValueError(
                    f"{place} in {self.path} must unpack to at most {_MOST_BYTES:,} bytes, "
                    f"received {size:,}. Unpack it yourself, and give the folder."
                )
            return archive.read(place)
