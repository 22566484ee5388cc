"""An agent imports what it needs: the rest would cost every process memory and start."""

import subprocess
import sys

_OTHERS = ("aiokafka", "asyncpg", "faust", "google.protobuf", "httpx", "jinja2", "onex.codegen", "onex.mesh")


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
