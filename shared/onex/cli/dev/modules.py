"""The modules outside of the folders of nodes that running agents have as part of their code."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from onex.cli.stack.stack_file import read_stack
from onex.errors import ConfigurationError
from onex.settings import STACK_FILE, Settings


class SharedModules:
    """Reads the stack file again when it has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._modified_ns = -1
        self._modules: tuple[Path, ...] = ()

    def __call__(self) -> Sequence[Path]:
        """Return the files. Those of agents that were stopped stay until others run."""
        with suppress(OSError, ConfigurationError):
            modified_ns = (self._settings.home / STACK_FILE).stat().st_mtime_ns
            if modified_ns != self._modified_ns:
                self._modified_ns = modified_ns
                agents = read_stack(self._settings).agents
                self._modules = tuple({file for agent in agents for file in agent.modules}) or self._modules
        return self._modules
