"""Notices agents that end by themselves."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from onex.cli.stack.agents import log_of
from onex.cli.stack.stack_file import read_stack
from onex.errors import ConfigurationError
from onex.settings import Settings

_INTERVAL: Final = 1.0


class Endings:
    """Reports each agent that has ended, once. It starts none: the next change does."""

    def __init__(self, settings: Settings, is_idle: Callable[[], bool], report: Callable[[str], None]) -> None:
        """``is_idle``: no round runs, which stops agents."""
        self._settings = settings
        self._is_idle = is_idle
        self._report = report
        self._looked_at = 0.0
        self._reported: set[tuple[int, float]] = set()

    def step(self) -> None:
        """Look once a second."""
        from onex.local.process import alive

        if not self._is_idle() or time.monotonic() - self._looked_at < _INTERVAL:
            return
        self._looked_at = time.monotonic()
        with suppress(ConfigurationError, OSError):
            for agent in read_stack(self._settings).agents:
                if agent.identity not in self._reported and not alive(*agent.identity):
                    self._reported.add(agent.identity)
                    log = log_of(self._settings, agent.node, agent.number)
                    remedy = "save a file of it, or press u, to start it again"
                    self._report(f"error {agent.node} (process {agent.pid}) has ended; {remedy}; see {log}")
