"""Metrics as datagrams for a StatsD server on this machine."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock

from typing_extensions import override

from onex.mixins.metrics.backend import Labels, ProtocolMetricsBackend

_Series = tuple[str, tuple[tuple[str, str], ...]]
_PACKET_BYTES = 1400
"""Size of a datagram that fits any network."""


class StatsdBackend(ProtocolMetricsBackend):
    """Aggregates measurements and sends them at intervals. Datagrams that cannot be sent are lost, as is usual."""

    def __init__(self, node: str, port: int, interval_ms: int) -> None:
        self._node = node
        self._to = ("127.0.0.1", port)
        self._interval = interval_ms / 1000
        self._lock = Lock()
        self._sending: asyncio.Task[None] | None = None
        self._counts: dict[_Series, float] = {}
        self._values: dict[_Series, float] = {}
        self._samples: list[tuple[_Series, float]] = []
        self._kinds: dict[str, str] = {}

    @override
    def count(self, name: str, value: float, labels: Labels) -> None:
        series = self._series(name, labels, "counter")
        with self._lock:
            self._counts[series] = self._counts.get(series, 0.0) + value

    @override
    def put(self, name: str, value: float, labels: Labels) -> None:
        series = self._series(name, labels, "gauge")
        with self._lock:
            self._values[series] = value

    @override
    def observe(self, name: str, value: float, labels: Labels) -> None:
        series = self._series(name, labels, "histogram")
        with self._lock:
            self._samples.append((series, value))

    def _series(self, name: str, labels: Labels, kind: str) -> _Series:
        if (first_kind := self._kinds.setdefault(name, kind)) != kind:
            raise ValueError(f"{name} is a {first_kind}")
        return name, tuple(labels.items())

    @override
    async def open(self) -> None:
        self._sending = asyncio.create_task(self._send_always())

    @override
    async def close(self) -> None:
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.cancel()
            await asyncio.wait([sending])
        self.send()

    async def _send_always(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            self.send()

    def send(self) -> None:
        """Send all measurements since the last call, in as few datagrams as possible."""
        packets = [""]
        for line in self._take():
            if len(packets[-1]) + len(line) >= _PACKET_BYTES:
                packets.append("")
            packets[-1] += f"{line}\n"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for packet in filter(None, packets):
                with suppress(OSError):  # no server listens: StatsD is fire and forget
                    out.sendto(packet.encode(), self._to)

    def _take(self) -> Iterator[str]:
        with self._lock:
            counts, self._counts = self._counts, {}
            values, self._values = self._values, {}
            samples, self._samples = self._samples, []
        for series, value in counts.items():
            yield self._line(series, value, "c")
        for series, value in values.items():
            yield self._line(series, value, "g")
        for series, value in samples:
            yield self._line(series, value, "h")

    def _line(self, series: _Series, value: float, kind: str) -> str:
        name, labels = series
        tags = ",".join(f"{key}:{text}" for key, text in (("node", self._node), *labels))
        return f"{name}:{value:g}|{kind}|#{tags}"
