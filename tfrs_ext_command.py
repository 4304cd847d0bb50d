"""The command `tfrs-ext`, which turns TensorFlow's own lines down before TensorFlow is imported."""

import os
import sys


def main() -> None:
    """Runs a subcommand; `-v` or `--verbose` shows what TensorFlow says of itself."""
    is_verbose = {"-v", "--verbose"} & {*sys.argv}
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if is_verbose else "3")
    from tfrs_ext.cli import main as run

    run()


if __name__ == "__main__":
    main()
