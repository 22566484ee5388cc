"""MixinSecureStorage."""

import asyncio
from pathlib import Path

import pytest

from onex.capability import AgentEnvironment
from onex.errors import RejectedError
from onex.mixins.encryption import MixinEncryption, ModelEncryptionSubcontract
from onex.mixins.secure_storage import MixinSecureStorage, ModelSecureStorageSubcontract
from onex.mixins.secure_storage.engine import SecureStorageEngine
from onex.node import NodeEffect
from tests.mixins.helpers import container
from tests.mixins.test_encryption import key, made


def storage(folder: Path, *numbers: int, active: int = 1, **settings: object) -> SecureStorageEngine:
    encryption = made(*(numbers or (1,)), active_key=f"key-{active}")
    return SecureStorageEngine(ModelSecureStorageSubcontract.model_validate(settings), folder, encryption)


def test_values_by_name(tmp_path: Path) -> None:
    async def live() -> None:
        store = storage(tmp_path / "deep" / "secrets")
        assert await store.get("bank.token") is None
        await store.put("bank.token", b"hush")
        await store.put("bank.token", b"hush now")
        await store.put("a-1", b"")
        assert await store.get("bank.token") == b"hush now"
        assert await store.get("a-1") == b""
        assert await store.names() == ["a-1", "bank.token"]
        assert await store.delete("a-1")
        assert not await store.delete("a-1")

    asyncio.run(live())
    (file,) = (tmp_path / "deep" / "secrets").iterdir()
    assert b"hush" not in file.read_bytes()
    assert oct(file.stat().st_mode)[-3:] == "600"
    assert oct(file.parent.stat().st_mode)[-3:] == "700"


def test_a_value_cannot_be_put_in_place_of_another(tmp_path: Path) -> None:
    async def live() -> None:
        store = storage(tmp_path)
        await store.put("mine", b"1")
        (tmp_path / "mine.sealed").rename(tmp_path / "yours.sealed")
        with pytest.raises(RejectedError, match="altered, or has another purpose"):
            await store.get("yours")

    asyncio.run(live())


def test_names_stay_in_the_folder(tmp_path: Path) -> None:
    for name in ("../evil", "", ".hidden", "a/b", "x" * 200):
        with pytest.raises(RejectedError, match="is not a valid name of a secret"):
            asyncio.run(storage(tmp_path).put(name, b"x"))


@pytest.mark.enforces("secure_storage.max_value_bytes")
def test_too_much_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match="a: 3 bytes, 2 are allowed"):
        asyncio.run(storage(tmp_path, max_value_bytes=2).put("a", b"123"))


def test_keys_are_changed(tmp_path: Path) -> None:
    async def live() -> None:
        await storage(tmp_path).put("a", b"1")
        both = storage(tmp_path, 1, 2, active=2)
        await both.put("b", b"2")
        assert await both.rotate() == 1
        assert await both.rotate() == 0
        new = storage(tmp_path, 2, active=2)
        assert (await new.get("a"), await new.get("b")) == (b"1", b"2")

    asyncio.run(live())


def test_a_failed_write_leaves_the_old_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def live() -> None:
        store = storage(tmp_path)
        await store.put("a", b"1")

        def full(_: int) -> None:
            raise OSError("no space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="no space"):
            await store.put("a", b"2")
        assert await store.get("a") == b"1"
        assert [file.name for file in tmp_path.iterdir()] == ["a.sealed"]

    asyncio.run(live())


@pytest.mark.enforces("secure_storage.folder")
def test_each_node_has_a_folder(tmp_path: Path) -> None:
    class Node(MixinSecureStorage, MixinEncryption, NodeEffect):
        pass

    keys = ModelEncryptionSubcontract.model_validate({"keys": [key(1)]})
    for settings, folder in (
        (ModelSecureStorageSubcontract(), tmp_path / "home" / "secrets"),
        (ModelSecureStorageSubcontract(folder=str(tmp_path / "own")), tmp_path / "own"),
    ):
        node = Node()
        node.container = container(keys, settings, AgentEnvironment(home=tmp_path / "home"))
        asyncio.run(node.secrets.put("a", b"1"))
        assert (folder / "node_a_effect" / "a.sealed").is_file()
