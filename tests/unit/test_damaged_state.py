"""Files of a store that are not as RocksDB has left them: the store is set aside, and starts empty."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from onex.agent.state.backends import ASIDE, RocksBackend
from onex.agent.state.memory import StateMemory
from onex.errors import StateStoreError

MEMORY = StateMemory(16_000_000)
COUNT = 1000


def store(folder: Path) -> RocksBackend:
    return RocksBackend(folder / "0", "topic", MEMORY)


def filled(folder: Path) -> None:
    made = store(folder)
    made.write([(b"s%d" % number, os.urandom(1000)) for number in range(COUNT)], 7, at_end=True)
    made.close()


def damage(folder: Path, files: str, harm: Callable[[Path], object]) -> None:
    found = list((folder / "0").glob(files))
    assert found
    for file in found:
        harm(file)


def junk(file: Path) -> None:
    file.write_bytes(b"junk\n")


def cut(file: Path) -> None:
    os.truncate(file, 20)


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    start, end = len(data) // 4, len(data) // 2
    data[start:end] = bytes(byte ^ 0xFF for byte in data[start:end])
    file.write_bytes(data)


def flip_first_block(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[:3000] = bytes(byte ^ 0xFF for byte in data[:3000])
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("files", "harm"),
    [
        ("CURRENT", junk),
        ("CURRENT", cut),
        ("CURRENT", Path.unlink),
        ("MANIFEST*", flip),
        ("MANIFEST*", cut),
        ("MANIFEST*", Path.unlink),
        ("*.sst", cut),
        ("*.sst", flip_first_block),
        ("*.sst", Path.unlink),
    ],
)
def test_it_begins_anew_when_it_can_not_be_opened(tmp_path: Path, files: str, harm: Callable[[Path], object]) -> None:
    for _ in range(2):  # the second one replaces what was set aside
        filled(tmp_path)
        damage(tmp_path, files, harm)
        opened = store(tmp_path)
        assert opened.checkpoint() == 0
        assert (tmp_path / f"0{ASIDE}").exists()
        opened.close()


def test_one_that_is_gone_when_it_is_closed(tmp_path: Path) -> None:
    filled(tmp_path)
    opened = store(tmp_path)
    shutil.rmtree(tmp_path / "0")
    opened._is_damaged = True
    opened.close()
    assert not (tmp_path / f"0{ASIDE}").exists()


@pytest.mark.parametrize("read", [lambda s: [s.get(b"s%d" % n) for n in range(COUNT)], lambda s: list(s.scan(b"s"))])
def test_it_begins_anew_after_it_could_not_be_read(tmp_path: Path, read: Callable[[RocksBackend], object]) -> None:
    filled(tmp_path)
    damage(tmp_path, "*.sst", flip)
    opened = store(tmp_path)
    with pytest.raises(StateStoreError, match="damaged: Corruption"):
        read(opened)
    opened.close()
    again = store(tmp_path)
    assert again.checkpoint() == 0
    assert list(again.scan(b"s")) == []
    again.close()
    assert (tmp_path / f"0{ASIDE}").exists()


def test_one_that_another_process_has_open_is_not_damaged(tmp_path: Path) -> None:
    filled(tmp_path)
    first = store(tmp_path)
    with pytest.raises(StateStoreError, match="cannot be opened"):
        store(tmp_path)
    first.close()
    again = store(tmp_path)
    assert again.checkpoint() == 7
    assert not (tmp_path / f"0{ASIDE}").exists()
    again.close()
