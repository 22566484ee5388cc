"""``python -m benchmarks.reload``: from saving a handler until `onex dev` runs it."""

import argparse
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reload.loop import CHANGED, READY, DevLoop, LoopFailedError
from benchmarks.report import Report, Series


def main() -> None:
    """Run, check, print and write ``build/bench/reload.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reloads", type=int, default=9, help="edits that are measured; one more before them is not")
    options = parser.parse_args()
    noticed: list[float] = []
    ready: list[float] = []
    with TemporaryDirectory(prefix="onex-bench-") as folder:
        try:
            with DevLoop(Path(folder)) as loop:
                loop.await_line(READY)
                _reload(loop, 0)
                for number in range(1, options.reloads + 1):
                    until_noticed, until_ready = _reload(loop, number)
                    noticed.append(until_noticed)
                    ready.append(until_ready)
                    print(f"reload {number}: noticed after {until_noticed:.2f} s, ready after {until_ready:.2f} s")
        except LoopFailedError as error:
            sys.exit(str(error))
    report = Report("reload")
    report.add(Series("save of a handler to the notice of it", "s", noticed))
    report.add(Series("save of a handler to ready with the new code", "s", ready))
    report.write()


def _reload(loop: DevLoop, number: int) -> tuple[float, float]:
    """Edit the handler, and check that the node answers with the new code. Return seconds until both lines."""
    words = f"Hello number {number}, "
    saved = loop.edit(lambda text: re.sub(r"Hello[^{]*", words, text))
    noticed = loop.await_line(CHANGED) - saved
    ready = loop.await_line(READY) - saved
    answer = loop.greet("you")
    if words not in answer:
        raise LoopFailedError(f"the node still runs its earlier code: {answer}")
    return noticed, ready


if __name__ == "__main__":
    main()
