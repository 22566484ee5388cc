"""The job of a peer: one JSON file, which peers in any language and any environment can read."""

import json
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

Schema = dict[str, object]


@dataclass(frozen=True, slots=True)
class Job:
    """Read ``input``, write ``output``, as member of ``group``, until SIGTERM."""

    bootstrap: str
    group: str
    input: str
    output: str
    exactly_once: bool
    input_schema: Schema
    output_schema: Schema
    output_schema_id: int
    folder: str
    """For state and logs; empty at the start."""

    @property
    def prefix(self) -> bytes:
        """Confluent wire format of values written."""
        return b"\x00" + self.output_schema_id.to_bytes(4, "big")

    def write(self, file: Path) -> Path:
        """As the peer's first argument."""
        file.write_text(json.dumps(asdict(self)))
        return file

    @staticmethod
    def given() -> "Job":
        """The job of this process."""
        return Job(**json.loads(Path(sys.argv[1]).read_text()))


def stopped() -> threading.Event:
    """Set by SIGTERM."""
    event = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        event.set()

    signal.signal(signal.SIGTERM, stop)
    return event
