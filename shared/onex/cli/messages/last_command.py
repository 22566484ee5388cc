"""The last command that ``onex send`` sent to the stack on this machine: ``onex dev`` sends it again."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from onex.cli.stack.stack_file import is_local_kafka
from onex.settings import Settings
from onex.util.atomic_file import open_folder, replace_file

_FILE: Final = "last-command.json"
_LARGEST: Final = 1_000_000
"""Bytes of a file that is written."""


class LastCommand(BaseModel):
    """The arguments of ``onex send``. Each time it is sent it has a new id."""

    model_config = ConfigDict(frozen=True)

    command: str
    payload: str
    key: str = ""
    headers: tuple[str, ...] = ()

    def arguments(self, payload: Path) -> list[str]:
        """Return the arguments that send it and wait. ``payload`` is a file that has its payload."""
        return [
            "send",
            self.command,
            f"@{payload}",
            "--wait",
            "--timeout",
            "20",
            *(["--key", self.key] if self.key else []),
            *(word for header in self.headers for word in ("--header", header)),
        ]


def note_command(settings: Settings, command: LastCommand) -> None:
    """Write the command, for its owner only, when the local stack is its cluster. A full disk is no problem."""
    with suppress(OSError):
        content = command.model_dump_json().encode(errors="replace")
        if is_local_kafka(settings) and len(content) <= _LARGEST:
            with open_folder(settings.home) as folder:
                replace_file(folder, _FILE, content)


def last_command(settings: Settings) -> LastCommand | None:
    """Return the last command; None before there is one, and for a file that is no command."""
    try:
        return LastCommand.model_validate_json((settings.home / _FILE).read_bytes())
    except (OSError, ValidationError):
        return None
