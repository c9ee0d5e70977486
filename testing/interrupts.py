"""Ctrl-C for child processes: a shell that starts the tests in the background has it ignored, and children inherit that."""

import signal


def heed_ctrl_c() -> None:
    """For `preexec_fn`: lets SIGINT interrupt the child, as it does for a program that a person has started."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
