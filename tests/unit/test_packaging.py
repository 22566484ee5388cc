"""The wheel: what is in it, and that the nodes in it are found from any folder."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ORDERS, SERVICES
from tests.wheel import built_wheel, install, packages_of

REDUCER = "node_registry_reducer"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel: Path) -> Path:
    """An environment with the wheel and the third-party packages of this one, without the checkout."""
    folder = wheel.parent / "environment"
    install(wheel, folder)
    return folder


def run(environment: Path, folder: Path, *arguments: str) -> str:
    command = [str(environment / "bin" / arguments[0]), *arguments[1:]]
    done = subprocess.run(command, cwd=folder, env={"COLUMNS": "200"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_two_packages_and_every_service_node(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"onex", "onex_nodes"}
    contracts = {path.relative_to(SERVICES).as_posix() for path in SERVICES.rglob("contract.yaml")}
    assert {f"onex_nodes/{contract}" for contract in contracts} <= set(names)
    assert not [name for name in names if "__pycache__" in name]
    assert {"onex/py.typed", "onex/codegen/render/templates/node.py.j2", "onex/local/kafka.lock.toml"} <= set(names)


def test_the_nodes_in_the_wheel_are_valid_and_found_by_name(environment: Path, tmp_path: Path) -> None:
    out = run(environment, tmp_path, "onex", "contract", "validate", str(packages_of(environment) / "onex_nodes"))
    assert out == f"{len(list(SERVICES.rglob('contract.yaml')))} contracts valid\n"
    assert REDUCER in run(environment, tmp_path, "onex", "explain", REDUCER)
    program = f"from onex.cli.options import Path, load_settings; print(*load_settings([Path('{REDUCER}')]).services)"
    assert (
        run(environment, tmp_path, "python", "-c", program)
        == f"{packages_of(environment) / 'onex_nodes' / REDUCER}\n"
    )


_NO_NETWORK = """
import socket

def refuse(*_):
    raise AssertionError("a test uses the network")

socket.socket.connect = socket.getaddrinfo = refuse
"""


def test_a_new_project_passes_its_tests_outside_of_the_repository_and_without_network(
    environment: Path, tmp_path: Path
) -> None:
    run(environment, tmp_path, "onex", "init", "web-shop")
    project = tmp_path / "web-shop"
    (project / "services" / "no_network.py").write_text(_NO_NETWORK)
    (project / "tests" / "conftest.py").write_text("import no_network\n")
    out = run(environment, project, "python", "-m", "pytest", "-v")
    assert "cases.yaml::a person is greeted PASSED" in out
    assert "test_greeting.py::test_a_person_is_greeted PASSED" in out
    assert "3 passed" in out


_FOLDERS = """
from onex.cli.installed_nodes import with_mesh_nodes, without_mesh_nodes
from onex.cli.node_lookup import find_node, resolve_all
from onex.settings import Settings
settings = Settings.load()
print(find_node("node_registry_reducer", settings))
completed = settings.model_copy(update={"services": with_mesh_nodes(settings.services)})
print(*[node.folder for node in resolve_all(completed)])
assert with_mesh_nodes(completed.services) == completed.services
print(*without_mesh_nodes(completed.services))
"""


@pytest.mark.parametrize("own", [False, True])
def test_a_project_runs_with_the_registry_and_its_own_node_wins(environment: Path, tmp_path: Path, own: bool) -> None:
    services, installed = tmp_path / "services", packages_of(environment) / "onex_nodes"
    shutil.copytree(ORDERS / "node_payment_effect", services / "node_payment_effect")
    if own:
        shutil.copytree(SERVICES / REDUCER, services / REDUCER)
    found, folders, without = run(environment, tmp_path, "python", "-c", _FOLDERS).splitlines()
    reducer = (services if own else installed) / REDUCER / "v1_0_0"
    assert found == str(reducer)
    assert set(folders.split()) == {
        str(services / "node_payment_effect" / "v1_0_0"),
        str(reducer),
        str(installed / "node_registry_orchestrator" / "v1_0_0"),
        str(installed / "node_infrastructure_health_monitor_orchestrator" / "v1_0_0"),
    }
    assert without == "services"
