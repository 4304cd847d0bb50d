"""How this program is called, for the commands that people are told to run next."""

import os
import pathlib
import shlex
import shutil
import sys


def program_of(module: str) -> str:
    """Returns how a recipe is called; one that is run by its name is `__main__`."""
    spec = sys.modules[module].__spec__
    return f"{python()} -m {spec.name if module == '__main__' and spec else module}"


def python() -> str:
    """Returns how this Python is called from here, where its environment isn't activated too."""
    is_environment = sys.prefix != sys.base_prefix
    if not is_environment or shutil.which("python") == str(pathlib.Path(sys.prefix, "bin/python")):
        return "python"
    near = os.path.relpath(sys.executable)
    return shlex.quote(sys.executable if near.startswith(os.pardir) else near)
