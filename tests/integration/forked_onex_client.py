"""Asks the process that forks commands for one, and is what a caller sees of it.

It imports nothing that is not built in: it runs for each command. Its file is copied; see ``forked_onex.py``.
"""

import _signal  # type: ignore[import-not-found]  # what `signal` is made of, without enumerations
import _socket
import marshal
import os
import sys

_PASSED = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM, _signal.SIGUSR1, _signal.SIGUSR2)


def _packed(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, sys.byteorder, signed=True) for number in numbers)


def _received(connection: _socket.socket) -> int:
    data = connection.recv(4)
    if len(data) < 4:
        sys.exit("the process that forks commands ended")
    return int.from_bytes(data, sys.byteorder, signed=True)


def main() -> int:
    """Run the command of the arguments. Return its exit code, or end by its signal."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _PASSED)  # until there is a command that they are passed to
    ignored = [number for number in _PASSED if _signal.getsignal(number) == _signal.SIG_IGN]
    request = marshal.dumps((sys.argv[1:], os.getcwd(), dict(os.environ), ignored))
    connection = _socket.socket(_socket.AF_UNIX)
    connection.connect(os.path.join(os.path.dirname(os.path.abspath(__file__)), "socket"))
    connection.sendmsg([_packed(len(request))], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _packed(0, 1, 2))])
    connection.sendall(request)
    pid = _received(connection)
    for number in _PASSED:
        if number not in ignored:
            _signal.signal(number, lambda number, _frame: os.kill(pid, number))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _PASSED)
    code = _received(connection)
    if code < 0:
        _signal.signal(-code, _signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


sys.exit(main())
