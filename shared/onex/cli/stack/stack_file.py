"""The stack file: which processes ``onex up`` started, and their addresses."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from onex.errors import ConfigurationError
from onex.settings import STACK_FILE, Settings


class ProcessNote(BaseModel):
    """A process. Together pid and creation time identify it."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float
    """Seconds since 1970."""

    @property
    def identity(self) -> tuple[int, float]:
        """Pid and creation time, as :mod:`onex.local.process` takes them."""
        return self.pid, self.started


class AgentNote(ProcessNote):
    """An agent that `onex up` started."""

    node: str
    version: str = ""
    folder: Path = Path()
    number: int = 0
    """Number of its log among the logs of its node."""
    launch_inputs: Mapping[str, str] = {}
    """What the process cannot change after its start: version, code, addresses of servers, settings."""
    modules: tuple[Path, ...] = ()
    """Files of modules outside of the node's folder that are part of its code."""

    @property
    def major(self) -> str:
        """Major version. Versions of one major share a group."""
        return self.version.partition(".")[0]


class Stack(BaseModel):
    """Everything that `onex up` started in one folder. Agents and commands read the addresses from it."""

    model_config = ConfigDict(frozen=True)

    kafka_bootstrap_servers: str = ""
    kafka: ProcessNote | None = None
    database_url: str = ""
    postgres: bool = False
    services: tuple[str, ...] = ()
    instances: int = 1
    agents: tuple[AgentNote, ...] = ()


def read_stack(settings: Settings) -> Stack:
    """Return the stack; an empty one where nothing was started. Raise ConfigurationError for a damaged file."""
    file = settings.home / STACK_FILE
    if not file.exists():
        return Stack()
    try:
        return Stack.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(
            f"{file}: {field}: {first['msg']}; end the processes that `onex up` started, then delete the file"
        ) from None


def write_stack(settings: Settings, stack: Stack) -> None:
    """Replace the stack file as a whole."""
    write_stack_file(settings, stack.model_dump_json(indent=2, exclude_none=True).encode())


def write_stack_file(settings: Settings, content: bytes | None) -> None:
    """Replace the content of the stack file as a whole. None removes the file."""
    file = settings.home / STACK_FILE
    if content is None:
        file.unlink(missing_ok=True)
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{STACK_FILE}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def is_local_kafka(settings: Settings) -> bool:
    """Return whether the cluster of the settings is the broker that `onex up` started on this machine."""
    stack = read_stack(settings)
    return stack.kafka is not None and stack.kafka_bootstrap_servers == settings.kafka_bootstrap_servers
