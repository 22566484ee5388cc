"""Configuration of the Docker client."""

from typing import ClassVar

from pydantic import Field, field_validator

from onex.capability import Subcontract
from onex.mixins.docker_client.endpoint import host_problem
from onex.model.contract.version import ModelSemVer


class ModelDockerClientSubcontract(Subcontract):
    """The engine, the version of its API, and limits of calls."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    host: str = ""
    """``unix:///var/run/docker.sock`` or ``tcp://host:2376``. Empty uses ``DOCKER_HOST``, and without it the socket
    ``/var/run/docker.sock``."""
    tls_folder: str = ""
    """Folder with ``ca.pem``, ``cert.pem`` and ``key.pem`` for TCP. Empty uses ``DOCKER_CERT_PATH`` when
    ``DOCKER_TLS_VERIFY`` is set. The certificate of the engine is always verified."""
    allow_plain_tcp: bool = False
    """Allow TCP without TLS to another machine. Who reaches such an engine is root there."""
    api_version: str = Field(default="auto", pattern=r"^(auto|1\.[0-9]{1,3})$")
    """Version of the API, like ``1.41``. ``auto`` uses the engine's own version, but none above 1.51."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=3_600)
    """Time limit of a call that moves no images and waits for no container."""
    connect_timeout_seconds: float = Field(default=5.0, gt=0, le=300)
    """Time limit for a connection, or for a free place among ``max_connections``."""
    max_connections: int = Field(default=20, ge=1, le=1_000)
    """Most connections to the engine. A stream of logs or events occupies one."""
    max_events: int = Field(default=1_000, ge=1, le=1_000_000)
    """Most events that one call of ``events`` yields."""
    max_line_bytes: int = Field(default=1024 * 1024, ge=64 * 1024, le=64 * 1024 * 1024)
    """Longest line of a stream of events or of progress. A longer one ends the call."""

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        if host and (problem := host_problem(host)):
            raise ValueError(problem)
        return host
