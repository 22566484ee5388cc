"""A folder of envelopes."""

import asyncio
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from onex.errors import RejectedError
from onex.mixins.encryption import ProtocolEncryption
from onex.mixins.secure_storage.model_secure_storage_subcontract import ModelSecureStorageSubcontract

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
_ENDING = ".sealed"


class SecureStorageEngine:
    """See :class:`ProtocolSecureStorage`. An envelope is bound to its name: it cannot be put in place of another."""

    def __init__(self, settings: ModelSecureStorageSubcontract, folder: Path, encryption: ProtocolEncryption) -> None:
        self._settings = settings
        self._folder = folder
        self._encryption = encryption

    async def put(self, name: str, value: bytes) -> None:
        """See the protocol."""
        if len(value) > self._settings.max_value_bytes:
            raise RejectedError(f"{name}: {len(value)} bytes, {self._settings.max_value_bytes} are allowed")
        sealed = self._encryption.encrypt(value, purpose=_purpose(name))
        await asyncio.to_thread(self._write, self._file(name), sealed)

    async def get(self, name: str) -> bytes | None:
        """See the protocol."""
        sealed = await asyncio.to_thread(_read, self._file(name))
        return None if sealed is None else self._encryption.decrypt(sealed, purpose=_purpose(name))

    async def delete(self, name: str) -> bool:
        """See the protocol."""
        return await asyncio.to_thread(_delete, self._file(name))

    async def names(self) -> Sequence[str]:
        """See the protocol."""
        files = await asyncio.to_thread(lambda: sorted(self._folder.glob(f"*{_ENDING}")))
        return [file.name.removesuffix(_ENDING) for file in files]

    async def rotate(self) -> int:
        """See the protocol."""
        changed = 0
        for name in await self.names():
            file = self._file(name)
            sealed = await asyncio.to_thread(file.read_bytes)
            anew = self._encryption.rewrap(sealed)
            if self._encryption.key_of(anew) != self._encryption.key_of(sealed):
                await asyncio.to_thread(self._write, file, anew)
                changed += 1
        return changed

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise RejectedError(f"{name!r} is no name of a secret: letters, digits, dots, dashes and underscores")
        return self._folder / f"{name}{_ENDING}"

    def _write(self, file: Path, sealed: bytes) -> None:
        """Beside it first, then in its place, so that nobody ever sees half of it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=self._folder)  # only its owner may read it
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(sealed)
                out.flush()
                os.fsync(out.fileno())
            Path(beside).replace(file)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise


def _purpose(name: str) -> str:
    return f"secret:{name}"


def _read(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _delete(file: Path) -> bool:
    there = file.exists()
    file.unlink(missing_ok=True)
    return there
