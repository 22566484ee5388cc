"""``python -m benchmarks.start``: from the start of an agent's process to its first result, and what it weighs."""

import argparse
import os
import signal
import subprocess
import sys
import time
import uuid
from tempfile import TemporaryDirectory

import psutil

from benchmarks.field.cluster import Cluster, cluster
from benchmarks.price import setup
from benchmarks.report import Report, Series

_IDLE = 8.0
_LIMIT = 60.0


def main() -> None:
    """Run, check, print and write ``build/bench/start.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    first: list[float] = []
    idle: list[float] = []
    with cluster() as field:
        field.provision([setup.node()])
        setup.fill(field, 1)
        for run in range(1, options.runs + 1):
            seconds, memory = _once(field)
            first.append(seconds)
            idle.append(memory)
            print(f"run {run}: first result after {seconds:.2f} s, idle {memory:.0f} MiB")
    stack = [_stack() for _ in range(options.runs)]
    report = Report("start")
    report.add(Series("process start to first committed result", "s", first))
    report.add(Series("memory of an idle agent", "MiB", idle))
    report.add(Series("`onex up` to ready: Kafka, PostgreSQL, one agent; once downloaded", "s", stack))
    report.write()


def _once(field: Cluster) -> tuple[float, float]:
    name = f"bench{uuid.uuid4().hex[:8]}"
    begins = field.ends(setup.OUTPUT)
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": field.bootstrap,
        "ONEX_ENV": name,
        "ONEX_HOME": str(field.scratch(name)),
    }
    group = setup.node().contract.group(name)
    inputs = field.partitions(setup.INPUT)
    began = time.perf_counter()
    command = [sys.executable, "-m", "onex.cli.main", "run", str(setup.FOLDER)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        while not any(field.committed(group, inputs).values()):
            if time.perf_counter() - began > _LIMIT or process.poll() is not None:
                sys.exit("the agent gave no result")
            time.sleep(0.005)
        seconds = time.perf_counter() - began
        assert setup.check(field, begins, 1) == 1
        time.sleep(_IDLE)
        return seconds, psutil.Process(process.pid).memory_info().rss / 2**20
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _stack() -> float:
    """A stack of its own in an empty folder; the downloads are in the user's cache."""
    with TemporaryDirectory() as folder:
        environment = {**os.environ, "ONEX_HOME": folder}
        run = [sys.executable, "-m", "onex.cli.main"]
        up = [*run, "up", "--services", str(setup.FOLDER)]
        began = time.perf_counter()
        done = subprocess.run(up, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        subprocess.run([*run, "down"], cwd=folder, env=environment, capture_output=True, check=False)
        if done.returncode:
            sys.exit(f"onex up failed:\n{done.stdout}{done.stderr}")
        return seconds


if __name__ == "__main__":
    main()
