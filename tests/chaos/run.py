"""One run: load, faults at random times from a seed, healing, ledger."""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from onex.local import LocalPostgres
from tests.chaos.cluster import Cluster
from tests.chaos.faults import FAULTS, available
from tests.chaos.field import Field
from tests.chaos.ledger import Row


def draw(seed: int, count: int, kinds: Sequence[str] = ()) -> list[str]:
    """Names of the faults of a seed: every kind once before any comes again."""
    random, names = Random(seed), list(kinds or available())
    drawn: list[str] = []
    while len(drawn) < count:
        drawn += random.sample(names, len(names))
    return drawn[:count]


def run(seed: int, faults: Sequence[str], postgres: LocalPostgres, folder: Path, instances: int = 1) -> list[Row]:
    """The ledger at the end. AssertionError when the mesh does not get well by itself."""
    random = Random(seed)
    cluster = Cluster(folder / "cluster")
    try:
        bus = cluster.start()
        field = Field(cluster, bus, postgres, folder, instances)
        try:
            field.start()
            for number, name in enumerate(faults):
                time.sleep(random.uniform(0.5, 3.0))  # faults come at random times
                began = time.monotonic()
                told = FAULTS[name](field, random)
                print(f"{number + 1:3} {name.replace('_', ' '):<24} {told:<28} {time.monotonic() - began:5.1f} s")
            time.sleep(1.0)  # load without faults at the end
            field.stop_load()
            field.settle()
            rows = field.ledger()
            if again := field.mesh.read_again:
                print(f"read again by the test's own client: {', '.join(again[:10])}")
            print(field.ends.summary())
            return rows
        except AssertionError:
            print(field.mesh.tails())
            print(field.ends.summary())
            raise
        finally:
            field.close()
            bus.close()
    finally:
        cluster.stop()


def table(rows: Sequence[Row]) -> str:
    """The ledger as text."""
    lines = [f"{'':<40} expected   found"]
    lines += [f"{what:<40} {a:8}{b:8}{'' if a == b else '   WRONG'}" for what, a, b in rows]
    return "\n".join(lines)
