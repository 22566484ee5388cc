"""Sends the last command again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from onex.cli.dev.rounds import Round
from onex.cli.messages.last_command import last_command
from onex.settings import Settings

NO_COMMAND = "no command to send again: `onex send` one to this stack first"


class Resend:
    """Runs ``onex send`` with what it sent last, one at a time."""

    def __init__(
        self, settings: Settings, start: Callable[[Sequence[str]], Round], report: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._start = start
        self._report = report
        self._command: Round | None = None
        self._payload: TemporaryDirectory[str] | None = None

    def send(self) -> None:
        """Send it, unless it is being sent."""
        if self._command is not None:
            return
        command = last_command(self._settings)
        if command is None:
            self._report(NO_COMMAND)
            return
        self._payload = TemporaryDirectory(prefix="onex-dev-")
        file = Path(self._payload.name, "payload.json")
        file.write_text(command.payload, encoding="utf-8")
        self._report(f"send {command.command}")
        self._command = self._start(command.arguments(file))

    def step(self) -> None:
        """Report what it wrote."""
        if self._command is None:
            return
        ended = self._command.poll() is not None
        for line in self._command.lines():
            self._report(line)
        if ended:
            self.stop()

    def stop(self) -> None:
        """End the command."""
        if self._command is not None:
            self._command.kill()
            self._command = None
        if self._payload is not None:
            self._payload.cleanup()
            self._payload = None
