"""A command or an agent imports what it needs: the rest would cost every process memory and start."""

import subprocess
import sys

import pytest

_LOAD = """
import gc, sys
from typer.main import get_command
from onex.cli.main import app
commands = get_command(app)
names = sys.argv[1:] or [name for name in commands.list_commands(None) if name not in ("run", "simulate")]
assert all(commands.get_command(None, name) for name in names)
assert gc.isenabled()
assert gc.get_freeze_count() > 10_000
print(*sys.modules)
"""
"""Loads the commands that it is called with, or all but those that run engines, and prints the modules."""
_NO_COMMANDS = {
    "aiokafka",
    "asyncpg",
    "faust",
    "google.protobuf",
    "httpx",
    "jgo",
    "jinja2",
    "onex.agent.process.agent_process",
    "onex.agent.pure",
    "onex.testing",
    "opentelemetry.instrumentation",
    "opentelemetry.sdk",
    "packaging",
    "prometheus_client",
    "requests",
    "rocksdict",
    "uvloop",
}
"""What a few commands load later, when they need it, or what belongs to agents and applications."""
_OTHERS = (
    "aiokafka",
    "asyncpg",
    "faust",
    "google.protobuf",
    "httpx",
    "jinja2",
    "onex.codegen",
    "onex.mesh",
    "opentelemetry.sdk",
)


def _loaded(*commands: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", _LOAD, *commands], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_commands_load_nothing_of_agents_and_applications() -> None:
    assert _NO_COMMANDS & _loaded() == set()


@pytest.mark.parametrize(
    ("command", "needless"),
    [
        ("up", {"confluent_kafka", "fastavro", "onex.contract", "psutil", "yaml"}),
        ("status", {"onex.contract", "onex.mesh", "yaml"}),
        ("contract", {"confluent_kafka", "onex.mesh", "psutil"}),
    ],
)
def test_a_command_loads_nothing_of_the_others(command: str, needless: set[str]) -> None:
    assert needless & _loaded(command) == set()


def test_running_a_node_imports_nothing_of_the_other_commands() -> None:
    program = "import sys, onex.cli.main, onex.cli.run; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(_OTHERS) & set(done.stdout.split())


def test_every_command_can_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "onex.cli.main", "--help"], capture_output=True, text=True, check=True
    )
    for name in ("up", "run", "dlq", "mixins", "workflows", "state", "top", "audit"):
        assert name in done.stdout
