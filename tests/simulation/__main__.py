"""``make simulate``: many schedules, or one failing one step by step and cut down.

python -m tests.simulation --count 10000
python -m tests.simulation --seed 1403 --trace --shrink
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import tests.conftest  # noqa: F401 - puts the example nodes on the path
from tests.simulation.schedule import draw
from tests.simulation.simulator import fails, shrunk

_BLOCK = 50


def main() -> int:
    """Return the exit code: 0 when every schedule holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--start", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=10_000, help="how many seeds")
    parser.add_argument("--length", type=int, default=150, help="actions of a schedule")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--trace", action="store_true", help="with --seed: print every step")
    parser.add_argument("--shrink", action="store_true", help="with --seed: cut the schedule down first")
    given = parser.parse_args()
    if given.seed is not None:
        return _one(given.seed, given.length, trace=given.trace, shrink=given.shrink)
    return _many(range(given.start, given.start + given.count), given.length)


def _one(seed: int, length: int, *, trace: bool, shrink: bool) -> int:
    schedule = draw(seed, length)
    if shrink and fails(seed, schedule):
        schedule = shrunk(seed, schedule)
    problem = fails(seed, schedule, print if trace else lambda _: None)
    print(f"seed {seed}, {len(schedule)} actions: {problem or 'holds'}")
    return 1 if problem else 0


def _many(seeds: range, length: int) -> int:
    started, done, failures = time.monotonic(), 0, 0
    blocks = [seeds[at : at + _BLOCK] for at in range(0, len(seeds), _BLOCK)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for block, found in zip(blocks, pool.map(_block, blocks, [length] * len(blocks)), strict=True):
            done += len(block)
            for seed, problem in found:
                failures += 1
                print(f"\rseed {seed}: {problem}   replay: python -m tests.simulation --seed {seed} --trace --shrink")
            rate = done / (time.monotonic() - started) * 60
            print(
                f"\r{done} of {len(seeds)} schedules, {rate:,.0f} a minute, {failures} failures", end="", flush=True
            )
    print()
    return 1 if failures else 0


def _block(seeds: range, length: int) -> list[tuple[int, str]]:
    return [(seed, problem) for seed in seeds if (problem := fails(seed, draw(seed, length)))]


if __name__ == "__main__":
    sys.exit(main())
