"""Keyed state on a disk that takes no more, shown by a limit on the size of files, in a process of its own."""

import subprocess
import sys
from pathlib import Path

_SCENE = """
import gc, resource, sys
from pathlib import Path
from onex.agent.state.backends import RocksBackend
from onex.agent.state.memory import StateMemory
from onex.errors import StateStoreError

folder, unlimited = Path(sys.argv[1]), resource.RLIM_INFINITY

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, unlimited))

def fill(backing, offset):
    backing.write([(b"%d" % number, b"x" * 1000) for number in range(1000)], offset, at_end=True)

memory = StateMemory(16_000_000)
store = RocksBackend(folder / "a", "topic", memory)
fill(store, 7)
store.close()
store = RocksBackend(folder / "a", "topic", memory)
limit(1000)
fill(store, 8)
assert store.get(b"5") == b"x" * 1000, "a live store goes on in memory"
store.close()
gc.collect()
try:
    RocksBackend(folder / "b", "topic", memory)
except StateStoreError as error:
    print(error)
limit(unlimited)
store = RocksBackend(folder / "a", "topic", memory)
print(store.checkpoint(), len(store.get(b"5")))
store.close()
"""


def test_a_full_disk_is_told_and_costs_nothing_but_a_longer_restore(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _SCENE, str(tmp_path)], capture_output=True, text=True, check=True)
    warning, refusal, found = done.stdout.splitlines()
    assert "state not flushed, the next start reads it from the changelog" in warning
    assert f"state in {tmp_path / 'b'} cannot be opened" in refusal
    assert "make room, or set ONEX_HOME to another disk" in refusal
    assert found == "7 1000", "what was there before is still there"
