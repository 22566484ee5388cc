"""Apache Kafka's jars from Maven Central, resolved by jgo and checked against a committed lock file."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from onex.errors import ConfigurationError

KAFKA_VERSION = "4.2.1"
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
LOCK = Path(__file__).with_name("kafka.lock.toml")
Progress = Callable[[str], None]
_REPORT_EVERY = 3.0


def cache_folder() -> Path:
    """Return the folder of downloads for all projects of this user (``ONEX_CACHE``, else the XDG cache folder)."""
    base = os.environ.get("ONEX_CACHE") or os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    return Path(base).expanduser() / "onex"


def kafka_jars(progress: Progress) -> list[Path]:
    """Return the class path. Download about 120 MB once. Raises ConfigurationError when a jar differs from the
    lock."""
    # Its HTTP client makes a start slower, and only the start of a local Kafka needs it.
    from jgo.env import EnvironmentBuilder, LockFile
    from jgo.maven import MavenContext

    repo = cache_folder() / "maven"
    lock = LockFile.load(LOCK)
    if not lock.verify_checksums(repo):
        return sorted(_jar(repo, d.groupId, d.artifactId, d.version) for d in lock.dependencies)
    progress(f"downloading Apache Kafka {KAFKA_VERSION} from Maven Central ({len(lock.dependencies)} jars, once)")
    builder = EnvironmentBuilder(context=MavenContext(repo_cache=repo), cache_dir=cache_folder() / "environments")
    paths = [_jar(repo, d.groupId, d.artifactId, d.version) for d in lock.dependencies]
    with _reporting(paths, progress):
        builder.from_endpoint(ENDPOINT)
    if problems := lock.verify_checksums(repo):
        raise ConfigurationError(f"Kafka's jars differ from the lock file: {'; '.join(problems)}")
    return kafka_jars(progress)


@contextmanager
def _reporting(paths: Sequence[Path], progress: Progress) -> Iterator[None]:
    """Report every few seconds how many of the files have been downloaded."""
    done = Event()

    def report() -> None:
        while not done.wait(_REPORT_EVERY):
            progress(f"  {sum(path.exists() for path in paths)} of {len(paths)} jars")

    reporter = Thread(target=report, name="progress", daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()


def _jar(repo: Path, group: str, artifact: str, version: str) -> Path:
    return repo / group.replace(".", "/") / artifact / version / f"{artifact}-{version}.jar"
