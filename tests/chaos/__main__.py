"""``make chaos``: many faults; ``python -m tests.chaos --seed N --faults K`` repeats a run.

python -m tests.chaos --seed 7 --faults 30
python -m tests.chaos --seed 7 --only kill_a_broker,freeze_an_agent
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

import tests.conftest  # noqa: F401 - puts the example nodes on the path
from onex.local import LocalPostgres
from tests.chaos.faults import FAULTS, available
from tests.chaos.run import draw, run, table


def main() -> int:
    """Return the exit code: 0 when the ledger is even."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--faults", type=int, default=18, help="how many")
    parser.add_argument("--instances", type=int, default=2, help="of each node")
    parser.add_argument("--only", default="", help=f"kinds, separated by commas: {', '.join(FAULTS)}")
    given = parser.parse_args()
    kinds = [name for name in given.only.split(",") if name]
    if unknown := sorted(set(kinds) - set(FAULTS)):
        parser.error(f"unknown faults: {', '.join(unknown)}")
    print(f"seed {given.seed}")
    if missing := sorted(set(FAULTS) - set(available())):
        print(f"not possible on this machine: {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="onex-chaos-") as folder:
        postgres = LocalPostgres(Path(folder) / "postgres")
        try:
            rows = run(given.seed, draw(given.seed, given.faults, kinds), postgres, Path(folder), given.instances)
        finally:
            postgres.stop()
    print(table(rows))
    wrong = [what for what, expected, found in rows if expected != found]
    print(f"seed {given.seed}: {'WRONG: ' + ', '.join(wrong) if wrong else 'even'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
