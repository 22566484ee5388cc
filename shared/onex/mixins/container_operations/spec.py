"""The container that a handler asks for."""

import re
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_PORT: Final = re.compile(r"[0-9]{1,5}/(tcp|udp)")
_LAST_PORT: Final = 65_535


class HealthProbe(BaseModel):
    """A command that the engine runs in the container. Exit code 0 means healthy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: tuple[str, ...] = Field(min_length=1, max_length=256)
    interval_seconds: float = Field(default=30.0, ge=0.001, le=86_400)
    timeout_seconds: float = Field(default=10.0, ge=0.001, le=86_400)
    retries: int = Field(default=3, ge=1, le=1_000)
    """Consecutive failures until the container is unhealthy."""
    start_period_seconds: float = Field(default=0.0, ge=0, le=86_400)
    """Seconds after the start in which failures do not count."""


class ContainerSpec(BaseModel):
    """A container to create. What the contract does not allow is refused.

    It has no field for devices, paths of the machine, or namespaces of other containers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    """Reference of the image, by digest where the contract requires it."""
    command: tuple[str, ...] = Field(default=(), max_length=1_024)
    """Arguments. Empty uses those of the image."""
    entrypoint: tuple[str, ...] = Field(default=(), max_length=1_024)
    """Program. Empty uses that of the image."""
    environment: Mapping[str, SecretStr] = Field(default_factory=dict, max_length=1_024)
    """Variables of the process."""
    labels: Mapping[str, str] = Field(default_factory=dict, max_length=256)
    """Labels, in addition to those that start with ``onex.``, which the capability sets."""
    name: str = ""
    """Name of the container. Empty derives it from the idempotency key."""
    user: str = Field(default="", max_length=256)
    """User and group, like ``1000:1000``. Empty uses that of the image."""
    workdir: str = Field(default="", max_length=4_096)
    """Folder of the process. Empty uses that of the image."""
    network: str = ""
    """One of the networks of the contract. Empty uses the first."""
    ports: Mapping[str, int] = Field(default_factory=dict, max_length=64)
    """Ports of the machine by port of the container, like ``{"80": 8080, "53/udp": 0}``. 0 lets the engine choose."""
    volumes: Mapping[str, str] = Field(default_factory=dict, max_length=64)
    """Paths in the container by name of the volume."""
    host_mounts: tuple[str, ...] = Field(default=(), max_length=64)
    """Names of ``host_mounts`` of the contract."""
    read_only: bool = False
    """Whether the root file system of the container cannot be written."""
    privileged: bool = False
    """All capabilities and devices, for images that the contract lists."""
    memory_bytes: int = Field(default=0, ge=0)
    """Memory limit. 0 uses that of the contract, which is also the largest."""
    cpus: float = Field(default=0.0, ge=0)
    """Processors. 0 uses the number of the contract, which is also the largest."""
    health: HealthProbe | None = None
    """How the engine checks the container. None uses the check of the image."""

    @field_validator("environment", "labels")
    @classmethod
    def _have_names(cls, pairs: Mapping[str, object]) -> Mapping[str, object]:
        for name in pairs:
            if not name or "=" in name or "\x00" in name:
                raise ValueError("a name is empty, or has `=` or a zero byte")
            if name.startswith("onex."):
                raise ValueError("labels that start with `onex.` belong to the capability")
        return pairs

    @field_validator("ports")
    @classmethod
    def _are_ports(cls, ports: Mapping[str, int]) -> Mapping[str, int]:
        named = {name if "/" in name else f"{name}/tcp": number for name, number in ports.items()}
        if len(named) < len(ports):
            raise ValueError("a port of the container is named twice; `80` is `80/tcp`")
        for name, number in named.items():
            if not _PORT.fullmatch(name) or not 1 <= int(name.partition("/")[0]) <= _LAST_PORT:
                raise ValueError("a port of the container is written like 80, 80/tcp or 53/udp")
            if not 0 <= number <= _LAST_PORT:
                raise ValueError("a port of the machine is at most 65535, and 0 for one that the engine chooses")
        return named

    @field_validator("volumes")
    @classmethod
    def _are_paths(cls, volumes: Mapping[str, str]) -> Mapping[str, str]:
        for target in volumes.values():
            if not target.startswith("/") or ":" in target or "\x00" in target or target == "/":
                raise ValueError("a volume needs an absolute path in the container, without `:`")
        return volumes
