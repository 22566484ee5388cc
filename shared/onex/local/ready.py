"""Waiting for a broker."""

import socket
import subprocess
import time
from pathlib import Path

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.errors import ConfigurationError
from onex.local.process import tail

_LIMIT = 60.0
_LOOK_AGAIN = 0.02


def await_broker(process: subprocess.Popen[bytes], port: int, log: Path) -> KafkaEventBusAdapter:
    """Wait until a broker responds. Raises ConfigurationError, with its last lines, when it ends, or after a
    minute."""
    bus = KafkaEventBusAdapter(KafkaConfig(f"127.0.0.1:{port}"))
    deadline = time.monotonic() + _LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ConfigurationError(f"Kafka ended with {process.returncode}:\n{tail(log)}")
        if listening(port) and bus.health().ok:
            return bus
        time.sleep(_LOOK_AGAIN)
    raise ConfigurationError(f"Kafka did not answer within {_LIMIT:.0f} s:\n{tail(log)}")


def listening(port: int) -> bool:
    """Return whether a port accepts connections. A client would wait between its attempts."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
