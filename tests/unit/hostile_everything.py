"""Give every hostile text to every parameter of every command; the tests take turns.

``python -m tests.unit.hostile_everything [COMMAND]`` prints what goes wrong, and how long each parameter takes.
"""

import sys
import tempfile
import time
from pathlib import Path

import pytest

import tests.conftest  # noqa: F401 - puts the test nodes on the path
from tests.unit.hostile_mesh import Commands, HostileMesh
from tests.unit.hostile_texts import HOSTILE, targets


def _all(commands: Commands, only: str) -> int:
    wrong = 0
    for target in targets():
        began, count = time.monotonic(), 0
        for text in HOSTILE if target.command.startswith(only) else ():
            count += 1
            try:
                commands.run(target.call(text))
            except AssertionError as error:
                wrong += 1
                print(f"{target.command} {target.parameter}: {error}"[:600])
        print(f"{time.monotonic() - began:6.1f} s  {count} texts  {target.command} {target.parameter}")
    return wrong


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patched:
        ran = _all(Commands(HostileMesh(), Path(place), patched), " ".join(sys.argv[1:]))
    sys.exit(f"{ran} failures" if ran else 0)
