"""Where the Docker engine is, and how a connection to it is secured."""

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from onex.errors import ConfigurationError

_DEFAULT: Final = "unix:///var/run/docker.sock"
_UNIX: Final = "unix://"
_OFF: Final = frozenset({"", "0", "false"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of an engine. Two equal ones share a connection."""

    socket: str = ""
    """Path of a Unix socket. Empty for TCP."""
    address: str = ""
    """Host and port of TCP."""
    tls_folder: str = ""

    @property
    def url(self) -> str:
        """The base URL of requests. aiohttp uses TLS for the scheme ``https`` alone, not for ``tcp``."""
        if self.socket:
            return "unix://localhost"
        return f"{'https' if self.tls_folder else 'http'}://{self.address}"

    def __str__(self) -> str:
        return f"{_UNIX}{self.socket}" if self.socket else f"tcp://{self.address}"

    def tls(self) -> ssl.SSLContext | None:
        """Read the certificates. Raise OSError (``ssl.SSLError`` is one) when they are missing or damaged."""
        if not self.tls_folder:
            return None
        folder = Path(self.tls_folder)
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
        return context


def host_problem(host: str) -> str:
    """Return what is wrong with the address of an engine, or an empty string."""
    if host.startswith(f"{_UNIX}/"):
        return ""
    parts = urlsplit(host)
    try:
        is_complete = parts.scheme in ("tcp", "https") and bool(parts.hostname) and parts.port is not None
    except ValueError:
        is_complete = False
    if not is_complete or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        return "it is no address of an engine; write unix:///path/docker.sock or tcp://host:port"
    return ""


def endpoint_of(host: str, tls_folder: str, environment: Mapping[str, str], *, allow_plain_tcp: bool) -> Endpoint:
    """Return the configured endpoint, or that of the environment. Raise ConfigurationError for an unusable one."""
    wanted = host or environment.get("DOCKER_HOST", "") or _DEFAULT
    if problem := host_problem(wanted):
        raise ConfigurationError(f"DOCKER_HOST: {problem}")
    if wanted.startswith(_UNIX):
        return Endpoint(socket=wanted.removeprefix(_UNIX))
    folder = tls_folder
    if not folder and environment.get("DOCKER_TLS_VERIFY", "") not in _OFF:
        folder = environment.get("DOCKER_CERT_PATH", "") or str(Path.home() / ".docker")
    parts = urlsplit(wanted)
    if not folder and parts.scheme == "https":
        raise ConfigurationError("docker_client.host is https, and there are no certificates; set tls_folder")
    if not folder and not allow_plain_tcp and not _is_this_machine(parts.hostname or ""):
        raise ConfigurationError(
            "docker_client.host: TCP without TLS makes everyone on the network root; set tls_folder, or "
            "allow_plain_tcp for a network where that is intended"
        )
    return Endpoint(address=parts.netloc, tls_folder=folder)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
