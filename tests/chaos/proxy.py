"""A TCP proxy that can be cut like a cable, for all processes or for some."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class TcpProxy:
    """Forwards ``port`` to ``target`` (a port of this machine, or a Unix socket's path) on a thread of its own."""

    def __init__(self, target: int | str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._writers: dict[asyncio.StreamWriter, int] = {}
        """Both ends of connections, with the port of the client."""
        self._cut = False
        self._without_responses: set[int] = set()
        """Ports of clients that do not get the target's responses."""
        self._cut_off: set[int] = set()
        """Processes whose connections are refused."""
        self.refused = 0
        """Connections refused so far."""

    def start(self) -> None:
        """Begin to forward."""
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"proxy-{self.port}")
        self._thread.start()

    def cut(self) -> None:
        """Drop every connection, take no new ones."""
        self._cut = True
        self._loop.call_soon_threadsafe(self._drop)

    def cut_off(self, pid: int) -> None:
        """As ``cut``, for the connections of one process of this machine."""
        self._cut_off.add(pid)
        self._loop.call_soon_threadsafe(self._drop)

    def drop_responses(self, pid: int) -> None:
        """On the open connections of a process, forward what it sends and drop what the target responds."""
        self._without_responses = _ports_of(pid)

    def mend(self) -> None:
        """Forward again."""
        self._cut = False
        self._without_responses = set()
        self._cut_off.clear()

    def stop(self) -> None:
        """End."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._listener.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    def _drop(self) -> None:
        refused = self._refused()
        for writer, port in list(self._writers.items()):
            if refused is None or port in refused:
                writer.transport.abort()

    def _refused(self) -> set[int] | None:
        """Ports of clients that are refused; None: all of them."""
        return None if self._cut else set().union(*map(_ports_of, tuple(self._cut_off)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port: int = writer.get_extra_info("peername")[1]
        refused = self._refused()
        if refused is None or port in refused:
            self.refused += 1
            writer.transport.abort()
            return
        try:
            if isinstance(self._target, int):
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
            else:
                inner_reader, inner_writer = await asyncio.open_unix_connection(self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer: port, inner_writer: port}
        try:
            with suppress(asyncio.CancelledError):  # the proxy ends
                await asyncio.gather(
                    _pump(reader, inner_writer), _pump(inner_reader, writer, lambda: port in self._without_responses)
                )
        finally:
            for end in (writer, inner_writer):
                self._writers.pop(end, None)
                end.transport.abort()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, loses: Callable[[], bool] = lambda: False
) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            if loses():
                continue
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()


def _ports_of(pid: int) -> set[int]:
    """Local TCP ports of a process (Linux)."""
    sockets: set[str] = set()
    with suppress(OSError):  # a file that is closed meanwhile, or a process that has ended
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                sockets.add(os.readlink(file))
    fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(words[1].rpartition(":")[2], 16) for words in fields if f"socket:[{words[9]}]" in sockets}
