"""Settings of the fork server, which alone imports this module; see `trainers.base.worker_processes`.

A service manager or a batch system sends SIGTERM to every process. If the fork server ended by it, its workers would be taken
for dead, so it leaves the signal to the driver, as the workers do. It ends when its driver and the workers have ended.
"""

import os
import signal


def _as_by_default() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.register_at_fork(after_in_child=_as_by_default)
