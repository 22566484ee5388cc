"""A compute node that hoards memory, which none should."""

import os
from pathlib import Path
from threading import Thread
from time import sleep

from node_hoard_compute.v1_0_0.models import ComputeHoard, ComputeHoarded

from onex.node import NodeCompute

HOARD: list[bytes] = []


class NodeHoardCompute(NodeCompute[ComputeHoard, ComputeHoarded]):
    """Its memory is in use until the file ``release`` is in the agent's home."""

    def compute(self, request: ComputeHoard) -> ComputeHoarded:
        """Take memory."""
        if request.mebibytes:
            HOARD.append(b"x" * (request.mebibytes * 1024 * 1024))
            Thread(target=_release, daemon=True).start()
        return ComputeHoarded(name=request.name)


def _release() -> None:
    while not (Path(os.environ["ONEX_HOME"]) / "release").exists():
        sleep(0.05)
    HOARD.clear()
