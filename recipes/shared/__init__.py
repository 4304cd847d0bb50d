"""What the recipes share: the data, the options, the folders, and how a step is run."""

from .asking import ask
from .console import console, one_line_errors, say
from .fitting import accept, fit, search, trained
from .options import with_options
from .settings import Settings
from .source import DATA, SPLITS, DataSource, read_mapping
from .steps import EXIT_CODES, Step, StepArgument, announce, run_steps, show_next
from .summary import LIMITS, data_facts, manifest_facts, summarize, titles, write_report

__all__ = [
    "DATA",
    "EXIT_CODES",
    "LIMITS",
    "SPLITS",
    "DataSource",
    "Settings",
    "Step",
    "StepArgument",
    "accept",
    "announce",
    "ask",
    "console",
    "data_facts",
    "fit",
    "manifest_facts",
    "one_line_errors",
    "read_mapping",
    "run_steps",
    "say",
    "search",
    "show_next",
    "summarize",
    "titles",
    "trained",
    "with_options",
    "write_report",
]
