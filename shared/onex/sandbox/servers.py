"""Processes without an environment, each with modules that it has imported, from which code is forked."""

import os
from collections.abc import Sequence
from threading import Lock
from typing import Final

from onex.util.fork_server import Forked, ForkServer, Program


class _Servers:
    """The servers of this process. They end with it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._servers: dict[tuple[tuple[str, ...], tuple[str, ...]], ForkServer] = {}

    def start(self, modules: Sequence[str], path: Sequence[str], program: Program) -> Forked:
        """Start a program in a process that has imported these modules. Raise OSError when none can be started."""
        key = (tuple(modules), tuple(path))
        with self._lock:
            known = self._servers.get(key)
            if known is not None:
                try:
                    return known.start(program)
                except OSError:
                    known.close()  # it was killed
            self._servers[key] = ForkServer(modules, path)
            return self._servers[key].start(program)

    def forget(self) -> None:
        """In a forked child: the servers belong to the parent, and another thread of it may hold the lock."""
        self._lock = Lock()
        self._servers = {}


SERVERS: Final = _Servers()
os.register_at_fork(after_in_child=SERVERS.forget)
