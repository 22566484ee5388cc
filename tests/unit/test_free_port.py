"""Ports for local servers: free, and not where the system takes the ports of connections from."""

import socket
from pathlib import Path

import pytest

from onex.local import properties


@pytest.mark.parametrize(
    ("told", "below"),
    [("32768\t60999\n", 32_768), ("20000 60999", 20_000), ("1024 65535", 32_768), ("junk", 32_768), (None, 32_768)],
)
def test_a_port_lies_below_those_of_connections(
    told: str | None, below: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "range"
    if told is not None:
        file.write_text(told)
    monkeypatch.setattr(properties, "_RANGE", file)
    ports = {properties.free_port() for _ in range(50)}
    assert len(ports) > 40
    assert all(1024 <= port < below for port in ports)


def test_a_port_that_is_taken_is_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    free = properties.free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("random.SystemRandom", lambda: _Draws([port, free]))
        monkeypatch.setattr(properties, "_TRIES", 2)
        assert properties.free_port() == free
        monkeypatch.setattr("random.SystemRandom", lambda: _Draws([port]))
        with pytest.raises(OSError, match="none of 2 TCP ports"):
            properties.free_port()


class _Draws:
    def __init__(self, ports: list[int]) -> None:
        self._ports = ports

    def sample(self, _range: range, _count: int) -> list[int]:
        return self._ports
