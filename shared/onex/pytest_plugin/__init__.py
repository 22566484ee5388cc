"""The pytest plugin of projects with nodes: golden cases are test items, and tests ask for a mesh and for servers.

pytest imports this module in every run of an environment that has the library. It imports the rest when a test needs
it: what is imported before a measurement of coverage begins would be missing in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from onex.pytest_plugin.cases import CasesFile
    from onex.testing import MeshDriver

_MARKER = (
    "mesh(*nodes, **options): the nodes of the fixture `mesh`, by name or by folder, and options of MeshDriver. "
    "Without names it has all nodes of the services folders."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings of the plugin."""
    parser.addini("onex_cases", "Collect the cases.yaml of nodes as tests.", type="bool", default=True)
    parser.addini(
        "onex_real_io", "Nodes, by name, whose cases do real I/O, in real time.", type="linelist", default=[]
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker ``mesh``."""
    config.addinivalue_line("markers", _MARKER)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CasesFile | None:
    """Collect the golden cases of a node: a ``cases.yaml`` next to its contract and its class."""
    if file_path.name != "cases.yaml" or not parent.config.getini("onex_cases"):
        return None
    if not all(file_path.with_name(name).is_file() for name in ("contract.yaml", "node.py")):
        return None
    from onex.pytest_plugin.cases import cases_file

    return cases_file(parent, file_path)


@pytest.fixture
def mesh(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[MeshDriver]:
    """All nodes of the project, or those of the marker ``mesh``, in memory and in virtual time."""
    from onex.errors import ConfigurationError, ContractError
    from onex.pytest_plugin.project_mesh import project_mesh

    for server in {"kafka", "postgres"} & {*request.fixturenames}:
        request.getfixturevalue(server)  # nodes find the address of a server when they are created
    marker = request.node.get_closest_marker("mesh")
    names, options = (marker.args, marker.kwargs) if marker else ((), {})
    try:
        driver = project_mesh(pytestconfig.rootpath, names, options)
    except (ConfigurationError, ContractError) as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield driver
    finally:
        driver.close()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers: those of KAFKA_BOOTSTRAP_SERVERS, or of a broker that runs until the tests end.

    The setting has the address as well, for clients and agents that tests start.
    """
    from onex.pytest_plugin.servers import address_in_environment, announced, local_kafka

    if address := address_in_environment("KAFKA_BOOTSTRAP_SERVERS", "ONEX_KAFKA_BOOTSTRAP_SERVERS"):
        yield address
        return
    with local_kafka(tmp_path_factory.mktemp("kafka")) as server:
        with announced("KAFKA_BOOTSTRAP_SERVERS", server.bootstrap_servers):
            yield server.bootstrap_servers


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a database: that of DATABASE_URL, or of a server that runs until the tests end.

    The setting has the URL as well, for nodes and agents that tests start.
    """
    from onex.pytest_plugin.servers import address_in_environment, announced, local_postgres

    if url := address_in_environment("DATABASE_URL", "ONEX_DATABASE_URL"):
        yield url
        return
    with local_postgres() as server:
        url = server.start()
        with announced("DATABASE_URL", url):
            yield url
