"""What the engine reports about containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EnumContainerHealth(StrEnum):
    """Result of the engine's own check of a container."""

    NONE = "none"
    """The container has no check."""
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """A container."""

    id: str
    name: str
    image_id: str
    state: str
    """``created``, ``running``, ``paused``, ``restarting``, ``removing``, ``exited`` or ``dead``."""
    exit_code: int
    """Code of the last end. 0 before the first one."""
    is_out_of_memory: bool
    """Whether the kernel ended it for its memory limit."""
    started_at: str
    """RFC 3339, by the engine's clock. ``0001-01-01T00:00:00Z`` before the first start."""
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    ports: Mapping[str, int] = field(default_factory=dict)
    """Published ports of the machine by port of the container, like ``80/tcp``, while it runs."""

    @property
    def is_running(self) -> bool:
        """Whether its process runs."""
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class ContainerSummary:
    """A container in a list."""

    id: str
    name: str
    state: str
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ContainerHealth:
    """The engine's check of a container."""

    status: EnumContainerHealth
    failures: int
    """Consecutive failures."""
    output: str
    """End of the output of the latest check."""
    is_running: bool


@dataclass(frozen=True, slots=True)
class ContainerStatistics:
    """Use of resources. All values are 0 for a container that does not run."""

    cpus: float
    """Processors in use during the last second."""
    memory_bytes: int
    memory_limit_bytes: int
    pids: int
    received_bytes: int
    sent_bytes: int
    read_bytes: int
    """From disks."""
    written_bytes: int


@dataclass(frozen=True, slots=True)
class ExecResult:
    """The end of a command in a container."""

    exit_code: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    is_cut: bool
    """Whether output beyond ``max_output_bytes`` was dropped."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log, without its end."""

    stream: str
    """``stdout`` or ``stderr``. A container with a terminal has the first only."""
    text: str
    is_cut: bool = False
    """Whether the line is longer than ``max_line_characters``, or is the last one within ``max_log_bytes``."""
