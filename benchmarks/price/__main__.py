"""``python -m benchmarks.price``: the mesh beside a hand-written loop, interleaved on one broker."""

import argparse
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from benchmarks.price import setup
from benchmarks.report import Series, write_json
from onex.local import LocalKafka

_ENTRIES = ("handwritten", "onex")


def main() -> None:
    """Run, check, print and write ``build/bench/price.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=400_000)
    options = parser.parse_args()
    rates: dict[str, list[float]] = {entry: [] for entry in _ENTRIES}
    cpu: dict[str, list[float]] = {entry: [] for entry in _ENTRIES}
    with tempfile.TemporaryDirectory() as folder:
        kafka = LocalKafka(Path(folder), heap="1g")
        bootstrap = kafka.start()
        try:
            bus = setup.open_bus(bootstrap)
            catalogue = setup.provision(bus)
            setup.fill(bus, catalogue, options.count)
            for run in range(options.runs + 1):
                for entry in _ENTRIES:
                    starts = setup.output_ends(bus)
                    group = f"bench-{entry}-{uuid.uuid4().hex[:8]}"
                    command = [sys.executable, "-m", f"benchmarks.price.entry_{entry}"]
                    done = subprocess.run(
                        [*command, bootstrap, group, str(options.count)], capture_output=True, text=True, check=False
                    )
                    if done.returncode:
                        sys.exit(f"{entry} failed:\n{done.stderr}")
                    setup.check(bus, catalogue, starts, options.count)
                    rate, used = (float(part) for part in done.stdout.split())
                    warm_up = run == 0
                    print(
                        f"{'warm-up' if warm_up else f'run {run}':<8} {entry:<12} {rate:>9,.0f}/s  {used:5.2f} us CPU"
                    )
                    if not warm_up:
                        rates[entry].append(rate)
                        cpu[entry].append(used)
        finally:
            kafka.stop()
    series = [Series(entry, "messages/s", values) for entry, values in rates.items()]
    ratios = [ours / theirs for ours, theirs in zip(rates["onex"], rates["handwritten"], strict=True)]
    ratio = Series("onex / handwritten", "", ratios)
    series += [Series(f"{entry} CPU", "us a message", values) for entry, values in cpu.items()]
    for line in (*series, ratio):
        print(f"{line.entry:<20} {line if line is not ratio else f'{line.median:.2f}'}")
    write_json(Path("build/bench/price.json"), "price", series, ratio.median)


if __name__ == "__main__":
    main()
