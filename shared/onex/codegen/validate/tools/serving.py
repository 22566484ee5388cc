"""The loop of a tool's process. It imports only Python's standard library.

One line of JSON in, one line of JSON out. The process ends when its parent does, or when it was idle for ten minutes.
"""

import json
import os
import resource
import select
import sys
from collections.abc import Callable

_IDLE_SECONDS = 600.0
_LARGEST_MEMORY = 6 << 30
"""Address space of the process, in bytes."""


def serve(check: Callable[[dict[str, object]], object]) -> None:
    """Answer requests until standard input ends."""
    _limit()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a tool that prints must not answer
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    pending = b""
    while True:
        if not select.select([requests], [], [], _IDLE_SECONDS)[0]:
            return
        read = requests.read(1 << 16)
        if not read:
            return
        pending += read
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            try:
                reply = {"ok": check(json.loads(line))}
            except Exception as error:  # noqa: BLE001 - whatever a tool raises is its reply
                reply = {"error": f"{type(error).__name__}: {error}"}
            replies.write(json.dumps(reply) + "\n")
            replies.flush()


def _limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    allowed = _LARGEST_MEMORY if hard == resource.RLIM_INFINITY else min(_LARGEST_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.dont_write_bytecode = True
