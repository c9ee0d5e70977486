"""Signals of child processes: a shell that runs the tests in the background ignores SIGINT, and children inherit that."""

import signal


def restore_sigint() -> None:
    """For `preexec_fn`: gives SIGINT its default action again, as in a program started from a terminal."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
