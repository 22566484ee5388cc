"""Configuration of containers."""

import posixpath
import re
from ipaddress import ip_address
from typing import ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer

_NAME: Final = r"^[a-z][a-z0-9_-]{0,62}$"
_PORTS: Final = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?")
_LAST_PORT: Final = 65_535
_SOCKETS: Final = ("/var/run/docker.sock", "/run/docker.sock")


def range_of(ports: str) -> range:
    """Return the ports of a text such as ``8080`` or ``8000-8099``."""
    first, _, last = ports.partition("-")
    return range(int(first), int(last or first) + 1)


class ModelHostMount(BaseModel):
    """A folder or file of the engine's machine that containers may mount, by its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=_NAME)
    """Name that a container asks for."""
    source: str = Field(pattern=r"^/[^\x00:]*$")
    """Absolute path on the engine's machine."""
    target: str = Field(pattern=r"^/[^\x00:]+$")
    """Absolute path in the container."""
    read_only: bool = True
    """Whether the container can only read."""
    docker_socket: bool = False
    """Allow that the source is the engine's socket, or a folder that has it. Who has the socket is root on the
    machine."""

    @model_validator(mode="after")
    def _is_no_socket(self) -> Self:
        source = posixpath.normpath(self.source)
        has_it = any(socket == source or f"{socket}/".startswith(f"{source.rstrip('/')}/") for socket in _SOCKETS)
        if not self.docker_socket and (has_it or source.endswith("docker.sock")):
            raise ValueError(f"{self.source} has the engine's socket; set docker_socket to allow that")
        return self


class ModelContainerOperationsSubcontract(Subcontract):
    """What containers may be and use, and limits of their output."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

    images: tuple[str, ...] = ("*",)
    """Patterns of images that containers may run, like ``registry.example.org/jobs/*``, without tag and digest."""
    require_digest: bool = False
    """Refuse images that are not named by digest (``name@sha256:...``). A tag can change between two attempts."""
    containers: tuple[str, ...] = ()
    """Patterns of names of containers that the node may operate although another program created them."""
    networks: tuple[str, ...] = Field(default=("none",), min_length=1)
    """Networks that a container may join: ``none``, ``bridge``, ``host`` or the name of one. The first is the
    default."""
    volumes: tuple[str, ...] = ()
    """Named volumes that a container may mount."""
    published_ports: tuple[str, ...] = Field(default=(), max_length=64)
    """Ports of the engine's machine that containers may publish, like ``8080`` or ``8000-8099``. ``0`` allows a port
    that the engine chooses."""
    publish_address: str = "127.0.0.1"
    """Address of the engine's machine at which ports are published. The default reaches that machine only;
    ``0.0.0.0`` all of its networks."""
    host_mounts: tuple[ModelHostMount, ...] = ()
    """Folders of the engine's machine that a container may mount, by name. A message never names a path there."""
    privileged_images: tuple[str, ...] = ()
    """Names of images, without tag and digest, that may run privileged. Such a container is root on the machine."""
    capabilities: tuple[str, ...] = ()
    """Linux capabilities that containers have, like ``NET_BIND_SERVICE``. All others are dropped."""
    max_memory_bytes: int = Field(default=512 * 1024 * 1024, ge=8 * 1024 * 1024, le=1024**5)
    """Most memory of one container, and the default. Swap is off."""
    max_cpus: float = Field(default=1.0, gt=0, le=1_024)
    """Most processors of one container, and the default."""
    max_pids: int = Field(default=256, ge=1, le=1_000_000)
    """Most processes and threads of one container."""
    max_log_file_bytes: int = Field(default=10 * 1024 * 1024, ge=64 * 1024, le=1024**4)
    """Size at which the engine starts a new log file of a container. It stores two."""
    max_output_bytes: int = Field(default=64 * 1024, ge=1, le=256 * 1024 * 1024)
    """Most bytes that ``exec`` returns of each stream. The rest is dropped and ``is_cut`` is set."""
    max_log_bytes: int = Field(default=16 * 1024 * 1024, ge=1, le=1024**4)
    """Most bytes that one call of ``logs`` reads."""
    max_line_characters: int = Field(default=8_192, ge=1, le=16 * 1024 * 1024)
    """Longest line of ``logs``. The rest of a longer one is dropped and ``is_cut`` is set."""
    stop_grace_seconds: int = Field(default=10, ge=0, le=3_600)
    """Seconds between the signal to stop and the end of a container by force."""
    exec_timeout_seconds: float = Field(default=60.0, gt=0, le=86_400)
    """Time limit of ``exec``. The command itself goes on in the container."""
    wait_timeout_seconds: float = Field(default=300.0, gt=0, le=86_400)
    """Time limit of ``wait``, and of a followed log."""
    remembered_results: int = Field(default=1_000, ge=0, le=1_000_000)
    """Results of ``exec`` and ``restart`` with a key that are remembered, so that a repeated one does nothing."""

    @field_validator("capabilities")
    @classmethod
    def _are_capabilities(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not name.replace("_", "").isalnum() or name != name.upper() or name == "ALL":
                raise ValueError(f"{name} is no single Linux capability; write it like NET_BIND_SERVICE")
        return names

    @field_validator("published_ports")
    @classmethod
    def _are_ports(cls, ports: tuple[str, ...]) -> tuple[str, ...]:
        for text in ports:
            if not _PORTS.fullmatch(text) or (numbers := range_of(text)).stop > _LAST_PORT + 1 or not numbers:
                raise ValueError(f"{text[:20]} are no ports; write them like 8080, 8000-8099 or 0")
        return ports

    @field_validator("publish_address")
    @classmethod
    def _is_address(cls, address: str) -> str:
        return str(ip_address(address))

    @model_validator(mode="after")
    def _have_different_names(self) -> Self:
        names = [mount.name for mount in self.host_mounts]
        if len(set(names)) != len(names):
            raise ValueError("two host_mounts have the same name")
        return self
