"""What the recipes share: the data, the options, the folders, and how a step is run."""

from .asking import ask
from .console import console, one_line_errors, say
from .fitting import accept, fit, search, trained
from .labels import PositiveFrom, PositiveValues, load_labelled, split_labelled
from .options import read_numbers, with_options
from .settings import Settings
from .source import DATA, SPLITS, DataSource, read_mapping
from .steps import EXIT_CODES, Step, StepArgument, announce, run_steps, show_next
from .summary import LIMITS, data_facts, manifest_facts, summarize, titles, write_report
from .workers import is_worker, work

__all__ = [
    "DATA",
    "EXIT_CODES",
    "LIMITS",
    "SPLITS",
    "DataSource",
    "PositiveFrom",
    "PositiveValues",
    "Settings",
    "Step",
    "StepArgument",
    "accept",
    "announce",
    "ask",
    "console",
    "data_facts",
    "fit",
    "is_worker",
    "load_labelled",
    "manifest_facts",
    "one_line_errors",
    "read_mapping",
    "read_numbers",
    "run_steps",
    "say",
    "search",
    "show_next",
    "split_labelled",
    "summarize",
    "titles",
    "trained",
    "with_options",
    "work",
    "write_report",
]
