"""On PYTHONPATH, this keeps a Python process and its children to this machine.

A kernel that runs a notebook in the tests may talk over loopback (Jupyter itself does)
and over Unix sockets; every other connection, and every look-up of another host's name,
is refused with one sentence. An audit hook cannot be taken out again.
"""

import sys

REFUSED = "offline: only this machine may be reached, not"
LOCAL = ("localhost", "127.", "::1", "0.0.0.0")


def _host(event, arguments):
    """Return the host that an event wants to reach, or None if it is no matter."""
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        return arguments[0]
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        return address[0] if isinstance(address, tuple) and address else None
    return None


def _refuse(event, arguments):
    host = _host(event, arguments)
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host and not str(host).startswith(LOCAL):
        raise ConnectionRefusedError(f"{REFUSED} {host}")


sys.addaudithook(_refuse)
