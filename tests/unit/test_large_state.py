"""Keyed state that is several times as large as the memory it may take, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

_SCENE = """
import resource, sys
from pathlib import Path
from random import Random
import tests.conftest
from node_tally_reducer.v1_0_0.models import Tally
from onex.agent.state.backends import RocksBackend
from onex.agent.state.memory import StateMemory
from onex.agent.state.partition_store import PartitionStore
from onex.agent.topic_limits import TopicLimits
from tests.unit.test_state_memory import codec

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def key(number):
    return b"%d/" % number + Random(number).randbytes(500).hex().encode()

limit, keys = 16 * 1024 * 1024, 100_000
backend = RocksBackend(Path(sys.argv[1]), "topic", StateMemory(limit))
store = PartitionStore(codec(), backend, "topic", TopicLimits.usual())
before = peak()
for first in range(0, keys, 1000):
    for number in range(first, first + 1000):
        store.put(key(number), Tally(total=number))
    store.changes()
    store.commit(first + 1000)
for number in Random(1).sample(range(keys), 5_000):
    assert store.get(key(number)).total == number
print(keys * 1000, peak() - before, store.size()[0])
store.close()
"""


def test_state_larger_than_its_memory_is_kept_and_found(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCENE, str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    state, grown, keys = map(int, done.stdout.split())
    assert keys >= 100_000
    assert grown < state / 2, f"{grown:,} bytes of memory for {state:,} bytes of state"
