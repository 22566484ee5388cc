"""An application that imports MeshClient loads the client, and no part of an agent."""

import subprocess
import sys

import pytest

SHOW = "import sys; from onex.mesh import MeshClient; print(*sorted(sys.modules))"
NEEDLESS = ("rocksdict", "psutil", "prometheus_client", "confluent_kafka", "faust", "uvloop", "asyncpg", "typer")
AGENT_SIDE = (
    "agent",
    "workflow",
    "contract",
    "capability",
    "mixins",
    "codegen",
    "local",
    "bus.kafka",
    "bus.faust",
    "cli",
)


@pytest.fixture(scope="module")
def modules() -> set[str]:
    shown = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    return set(shown.stdout.split())


@pytest.mark.parametrize("name", NEEDLESS)
def test_it_loads_no_library_of_agents_or_tools(modules: set[str], name: str) -> None:
    assert name not in modules


@pytest.mark.parametrize("package", AGENT_SIDE)
def test_it_loads_no_module_of_agents_or_tools(modules: set[str], package: str) -> None:
    own = f"onex.{package}"
    assert sorted(name for name in modules if name == own or name.startswith(f"{own}.")) == []
