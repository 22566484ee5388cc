"""What `onex up` noted of what it started, and what agents report about themselves."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from onex.errors import ConfigurationError
from onex.settings import STACK_FILE, Settings


class ProcessNote(BaseModel):
    """A process; pid and creation time name it for good."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float
    """Seconds since 1970."""

    @property
    def identity(self) -> tuple[int, float]:
        """As :mod:`onex.local.process` takes it."""
        return self.pid, self.started


class AgentNote(ProcessNote):
    """An agent that `onex up` started."""

    node: str
    version: str = ""
    folder: Path = Path()
    number: int = 0
    """Number of its log among those of its node."""
    made_from: Mapping[str, str] = {}
    """What the process cannot change any more, by aspect: version, code, addresses of servers, settings."""

    @property
    def major(self) -> str:
        """Versions of one major share a group."""
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


def agent_infos(settings: Settings) -> list[dict[str, object]]:
    """What running agents of the environment wrote about themselves."""
    found: list[dict[str, object]] = []
    for file in sorted((settings.home / "run").glob("*.json")):
        with suppress(FileNotFoundError):  # an agent that ends removes its file
            found.append(json.loads(file.read_text()))
    return [info for info in found if info.get("prefix", "") == settings.topic_prefix]


def forget_dead_agents(settings: Settings) -> None:
    """Remove what processes that are gone wrote about themselves: `onex status` shows it as long as it is there."""
    from onex.local.process import runs

    for file in (settings.home / "run").glob("*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            pid = int(json.loads(file.read_text())["pid"])
            if not runs(pid, since=file.stat().st_mtime + 1):  # a later process has the pid of one that is gone
                file.unlink(missing_ok=True)


def ask_agent(info: dict[str, object]) -> dict[str, object]:
    """The same, with its ``state``: ready, why it is not, or gone."""
    reasons = agent_reasons(info)
    if reasons is None:
        return {**info, "state": "gone"}
    return {**info, "state": "; ".join(f"{about}: {why}" for about, why in reasons.items()) or "ready"}


def agent_reasons(info: dict[str, object]) -> dict[str, str] | None:
    """Why an agent is not ready, by topic of complaint; None for one that does not answer."""
    try:
        with urllib.request.urlopen(f"{info['health']}/readyz", timeout=2) as answer:
            answer.read()
        return {}
    except urllib.error.HTTPError as error:
        reasons: dict[str, str] = json.loads(error.read()).get("reasons", {})
        return reasons
    except (urllib.error.URLError, OSError):
        return None


def read_stack(settings: Settings) -> Stack:
    """Empty where nothing was started. Raises ConfigurationError for a file that `onex up` did not write."""
    file = settings.home / STACK_FILE
    if not file.exists():
        return Stack()
    try:
        return Stack.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(
            f"{file}: {where}: {first['msg']}; end the processes that `onex up` started, then delete the file"
        ) from None


def is_local_kafka(settings: Settings) -> bool:
    """Whether the cluster is the one broker that `onex up` started here."""
    stack = read_stack(settings)
    return stack.kafka is not None and stack.kafka_bootstrap_servers == settings.kafka_bootstrap_servers


def write_stack(settings: Settings, stack: Stack | bytes | None) -> None:
    """Whole or not at all; None removes the file, and bytes are written as they are."""
    file = settings.home / STACK_FILE
    if stack is None:
        file.unlink(missing_ok=True)
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    text = stack if isinstance(stack, bytes) else stack.model_dump_json(indent=2, exclude_none=True).encode()
    part = file.with_name(f"{STACK_FILE}.{os.getpid()}")
    try:
        part.write_bytes(text)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
