"""The program ``revoxel``."""

from __future__ import annotations

import signal
import sys

from revoxel import _core


def main() -> None:
    """Run the program with the arguments of the process, and end with its exit code."""
    # Python's handler would only note the signal and wait for the program to come back. What was ignored from the beginning
    # stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_core.run_cli(["revoxel", *sys.argv[1:]]))
