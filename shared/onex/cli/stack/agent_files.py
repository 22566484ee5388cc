"""The files that running agents write in ``ONEX_HOME/run``, and the readiness of these agents."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from onex.errors import ConfigurationError
from onex.model.mesh.health import PAUSED
from onex.settings import Settings

GONE, READY = "gone", "ready"
"""States of an agent. Any other state is the reason why it is not ready."""
_TIMEOUT = 2.0
"""Seconds that an agent has to reply."""


class AgentInfo(BaseModel):
    """The file of one agent."""

    model_config = ConfigDict(frozen=True)

    prefix: str = ""
    node: str
    version: str = ""
    kind: str = ""
    instance: str = ""
    pid: PositiveInt
    health: str
    """URL of the agent's HTTP server."""
    unfinished: tuple[str, ...] = ()
    """Handlers whose logic is not written yet."""


class _Readiness(BaseModel):
    """The reply of ``/readyz``."""

    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class Readiness:
    """What an agent replied."""

    is_ready: bool
    reasons: Mapping[str, str]
    """Why it is not ready; of a ready agent, what degrades it. By subject."""

    @property
    def state(self) -> str:
        """``ready``, or why the agent is not ready."""
        return READY if self.is_ready else _joined(self.reasons)

    @property
    def paused(self) -> str:
        """Who paused the node, and why; empty for a node that takes its inputs."""
        return self.reasons.get(PAUSED, "")


def agent_infos(settings: Settings) -> list[AgentInfo]:
    """Return the files of running agents in the environment. Raise ConfigurationError for a damaged file."""
    infos: list[AgentInfo] = []
    for file in _files(settings):
        with suppress(FileNotFoundError):  # an agent that ends removes its file
            infos.append(_read(file))
    return [info for info in infos if info.prefix == settings.topic_prefix]


def remove_files_of_dead_agents(settings: Settings) -> None:
    """Remove the files of processes that have ended: `onex status` shows an agent as long as its file exists."""
    from onex.local.process import runs

    for file in _files(settings):
        with suppress(OSError, ConfigurationError):
            pid = _read(file).pid
            if not runs(pid, since=file.stat().st_mtime + 1):  # a later process may have the pid of one that ended
                file.unlink(missing_ok=True)


def state_of(info: AgentInfo) -> str:
    """Return ``ready``, why the agent is not ready, or ``gone``."""
    readiness = readiness_of(info)
    return GONE if readiness is None else readiness.state


def readiness_of(info: AgentInfo) -> Readiness | None:
    """Return what an agent replies. Return None when no agent replies in 2 s."""
    try:
        with urllib.request.urlopen(f"{info.health}/readyz", timeout=_TIMEOUT) as reply:
            is_ready, body = True, reply.read()
    except urllib.error.HTTPError as error:
        is_ready, body = False, error.read()
    except (OSError, ValueError):
        return None
    try:
        return Readiness(is_ready, _Readiness.model_validate_json(body).reasons)
    except ValidationError:
        return None  # another program has the port


def _joined(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{subject}: {reason}" for subject, reason in reasons.items())


def _files(settings: Settings) -> list[Path]:
    return sorted((settings.home / "run").glob("*.json"))


def _read(file: Path) -> AgentInfo:
    try:
        return AgentInfo.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(
            f"{file}: {field}: {first['msg']}; delete the file, and restart its agent (`onex up --restart`)"
        ) from None
