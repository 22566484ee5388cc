"""Stores secrets as encrypted files in one folder."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from onex.errors import RejectedError
from onex.mixins.encryption import ProtocolEncryption
from onex.mixins.secure_storage.model_secure_storage_subcontract import ModelSecureStorageSubcontract
from onex.mixins.secure_storage.protocol_secure_storage import ProtocolSecureStorage
from onex.util.atomic_file import open_folder, replace_file

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
_ENDING = ".sealed"


class SecureStorageEngine(ProtocolSecureStorage):
    """One encrypted file for each secret. Encryption binds a file to its name, so files cannot be swapped."""

    def __init__(self, settings: ModelSecureStorageSubcontract, folder: Path, encryption: ProtocolEncryption) -> None:
        self._settings = settings
        self._folder = folder
        self._encryption = encryption

    @override
    async def put(self, name: str, value: bytes) -> None:
        if len(value) > self._settings.max_value_bytes:
            raise RejectedError(f"{name}: {len(value)} bytes, {self._settings.max_value_bytes} are allowed")
        sealed = self._encryption.encrypt(value, purpose=_purpose(name))
        await asyncio.to_thread(self._write, self._file(name), sealed)

    @override
    async def get(self, name: str) -> bytes | None:
        sealed = await asyncio.to_thread(_read, self._file(name))
        return None if sealed is None else self._encryption.decrypt(sealed, purpose=_purpose(name))

    @override
    async def delete(self, name: str) -> bool:
        return await asyncio.to_thread(_delete, self._file(name))

    @override
    async def names(self) -> Sequence[str]:
        files = await asyncio.to_thread(lambda: sorted(self._folder.glob(f"*{_ENDING}")))
        return [file.name.removesuffix(_ENDING) for file in files]

    @override
    async def rotate(self) -> int:
        changed = 0
        for name in await self.names():
            file = self._file(name)
            sealed = await asyncio.to_thread(file.read_bytes)
            rewrapped = self._encryption.rewrap(sealed)
            if self._encryption.key_of(rewrapped) != self._encryption.key_of(sealed):
                await asyncio.to_thread(self._write, file, rewrapped)
                changed += 1
        return changed

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise RejectedError(
                f"{name!r} is not a valid name of a secret; use letters, digits, dots, dashes and underscores"
            )
        return self._folder / f"{name}{_ENDING}"

    def _write(self, file: Path, sealed: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open_folder(self._folder.resolve()) as folder:
            replace_file(folder, file.name, sealed)


def _purpose(name: str) -> str:
    return f"secret:{name}"


def _read(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def _delete(file: Path) -> bool:
    existed = file.exists()
    file.unlink(missing_ok=True)
    return existed
