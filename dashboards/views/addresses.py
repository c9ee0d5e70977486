"""Addresses of IPv4 and IPv6 that the servers of this program listen on: what is opened, printed and refused."""

from __future__ import annotations

import errno
import socket

from trainers.base.errors import UserError

LOOPBACK = "127.0.0.1"
"""The address that only this machine can reach."""
LOCAL_NAMES = (LOOPBACK, "localhost", "::1")
"""Names of this machine for itself, which lead nowhere from another one."""
ALL = {"": LOOPBACK, "0.0.0.0": LOOPBACK, "::": "::1"}
"""What stands for all addresses of this machine, and one of these under which this machine reaches itself."""
WRONG_HOST = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Errors of an address that is none of this machine's. Those of names that lead nowhere are negative (`getaddrinfo`)."""


def family_of(host: str) -> socket.AddressFamily:
    """IPv6 for an address of it; IPv4 for all else, names too."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def url_of(host: str, port: int) -> str:
    """How a browser of this machine reaches a server, without a slash at the end.

    Args:
        host: address that it listens on.
        port: TCP port.
    """
    host = ALL.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def not_opened(host: str, port: int, error: OSError) -> UserError:
    """What is said of an address that cannot be listened on.

    Args:
        host: the address.
        port: TCP port.
        error: that was raised.
    """
    is_host = error.errno is not None and (error.errno < 0 or error.errno in WRONG_HOST)
    remedy = "give an address of this machine with --host" if is_host else "give another with --port, 0 takes a free one"
    return UserError(f"{host} port {port} cannot be opened ({error.strerror or error}); {remedy}")
