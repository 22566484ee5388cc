"""Files for handlers: blocking work runs on threads of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from onex.capability import ProtocolCurrentMessage
from onex.errors import CompositionError
from onex.mixins.files.change import FileChange
from onex.mixins.files.model_files_subcontract import ModelFilesSubcontract
from onex.mixins.files.paths import parts_of
from onex.mixins.files.protocol_files import ProtocolFileChange, ProtocolFiles
from onex.mixins.files.store import FileStore

T = TypeVar("T")


class FilesEngine(ProtocolFiles):
    """The folder of a node, and the threads that wait for its disk."""

    def __init__(
        self, settings: ModelFilesSubcontract, folder: Path, current_message: ProtocolCurrentMessage
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._current_message = current_message
        self._store: FileStore | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._reads = self._changes = self._failed = 0

    async def open(self) -> None:
        """Create the folder, and complete commits that a crash interrupted. Raise OutageError; the agent retries."""
        self._store = await asyncio.to_thread(FileStore, self._settings, self._folder)
        self._threads = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="files")

    async def close(self) -> None:
        """Wait for the current work on files, then close the folder."""
        threads, self._threads = self._threads, None
        store, self._store = self._store, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)
        if store is not None:
            store.close()

    @override
    async def read(self, path: str) -> bytes | None:
        self._reads += 1
        parts = parts_of(path)
        return await self._run(lambda store: store.read(parts))

    @override
    async def exists(self, path: str) -> bool:
        parts = parts_of(path)
        return await self._run(lambda store: store.exists(parts))

    @override
    async def list(self, folder: str = "") -> Sequence[str]:
        parts = parts_of(folder) if folder else ()
        return await self._run(lambda store: store.list(parts))

    @override
    async def write(self, path: str, content: bytes) -> None:
        async with self.change() as change:
            change.write(path, content)

    @override
    async def append(self, path: str, content: bytes, *, key: str = "") -> None:
        async with self.change() as change:
            change.append(path, content, key=key)

    @override
    async def delete(self, path: str) -> bool:
        parts = parts_of(path)
        return await self._run(lambda store: store.delete(parts))

    @override
    @asynccontextmanager
    async def change(self) -> AsyncIterator[ProtocolFileChange]:
        change = FileChange(self._settings, self._current_message.idempotency_key)
        yield change
        await self._run(lambda store: store.commit(change.steps))
        self._changes += 1

    async def probe(self) -> None:
        """Write and delete a file. Raise OutageError when the disk refuses it."""
        await self._run(FileStore.probe)

    async def _run(self, work: Callable[[FileStore], T]) -> T:
        store, threads = self._store, self._threads
        if store is None or threads is None:
            raise CompositionError("the files are not open; start the node first")
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work, store)
        except Exception:
            self._failed += 1
            raise

    def reported_metrics(self) -> Mapping[str, float]:
        """Reads, committed changes, failures, repeated appends, and interrupted commits that were completed."""
        store = self._store
        return {
            "reads": float(self._reads),
            "changes": float(self._changes),
            "failed": float(self._failed),
            "repeated_appends": float(store.repeated if store else 0),
            "recovered": float(store.recovered if store else 0),
        }
