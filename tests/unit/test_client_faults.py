"""Faults of the Kafka client that the product works around: see docs/decisions/0014.

A test that begins with "the client still" fails when a client version is cured: its message names the workaround that
can then go, once the lowest version that ``pyproject.toml`` allows is cured as well.
"""

import signal
import subprocess
import sys
from pathlib import Path

import confluent_kafka
import pytest

ROOT = Path(__file__).parents[2]
_PATIENCE = 60.0
"""Seconds for a program on a busy machine; each bounds itself far below."""
_VERSION = f"confluent-kafka {confluent_kafka.version()}"


def _start(program: str, how: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"tests.unit.client_faults.{program}", how]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Return the exit code, and what the program printed."""
    try:
        out, err = process.communicate(timeout=_PATIENCE)
    finally:
        process.kill()
    return process.returncode, (out or err).strip()


def test_the_client_still_dies_when_the_admin_asks_a_coordinator_that_has_moved() -> None:
    admin, product = _start("moved_coordinator", "admin"), _start("moved_coordinator", "product")
    assert _ended(product) == (0, "returned {}")
    code, printed = _ended(admin)
    assert code in (-signal.SIGSEGV, -signal.SIGABRT), (
        f"{_VERSION}: AdminClient.list_consumer_group_offsets answers ({code}: {printed}) after NOT_COORDINATOR: the "
        "fault is gone. When all allowed versions are cured, replace the workaround in "
        "onex/bus/kafka/group_positions.py"
    )


def test_the_client_still_hangs_when_offsets_are_sent_to_a_coordinator_that_has_gone() -> None:
    product = _start("lost_coordinator", "product")
    # On a busy machine a connection may change its state for another reason, which wakes the call.
    hangs = any(_ended(_start("lost_coordinator", "default")) == (0, "hangs") for _ in range(3))
    code, printed = _ended(product)
    assert (code, printed[:8]) == (0, "returned")
    assert hangs, (
        f"{_VERSION}: send_offsets_to_transaction keeps its timeout: the fault is gone. When all allowed versions "
        "are cured, remove connections.max.idle.ms from onex/bus/config.py"
    )


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="newer interpreters end with an exception")
def test_the_client_still_ends_the_interpreter_when_a_header_name_is_not_text() -> None:
    python, product = _start("unreadable_headers", "python"), _start("unreadable_headers", "product")
    assert _ended(product) == (0, "returned 65 envelopes, readable: False")
    code, printed = _ended(python)
    assert code == -signal.SIGSEGV, (
        f"{_VERSION}: Message.headers raises ({code}: {printed}) when a header's name is not UTF-8: the fault is "
        "gone. When all allowed versions are cured, simplify onex/agent/message/envelope.py and "
        "onex/agent/message/unreadable_headers.py"
    )
