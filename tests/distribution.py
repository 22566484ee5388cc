"""In which order tests run, and which of them stay on one worker."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

_FOLDER = Path(__file__).parent
_WAITING = ("chaos", "docs", "integration", "conformance", "backends")
"""Folders whose tests wait for servers, by how long their longest tests take."""
_COMPUTING = ("simulation",)
ON_ONE_WORKER = frozenset(
    f"tests/{name}.py"
    for name in (
        "integration/test_client",
        "integration/test_lost_acknowledgements",
        "integration/test_operate",
        "integration/test_registry",
        "unit/test_environments",
        "unit/test_foreign_records",
        "unit/test_hostile_commands",
        "unit/test_mesh_imports",
        "unit/test_packaging",
        "unit/test_validate_types",
        "unit/test_warehouse_branches",
    )
)
"""Modules whose tests share a costly fixture, which each worker would set up again."""
WITH_SERVERS = frozenset(
    f"tests/mixins/test_{name}.py"
    for name in ("catalogue", "database", "generated_capabilities", "kafka", "showcase", "transactions")
)
"""Modules of capabilities with a broker or a PostgreSQL: one worker of those starts them."""


def scheduling(config: pytest.Config, log: object) -> object:
    """Return a scheduler that sends workers one test after the other, or one of those modules.

    The groups of pytest-xdist 3.8 (``xdist_group``) are ignored, without a warning, by pytest 9.2.
    """
    made = LoadScopeScheduling(config, log)
    made._split_scope = unit_of_work
    return made


def unit_of_work(nodeid: str) -> str:
    """Return the name that all tests have in common which one worker takes together."""
    module = nodeid.partition("::")[0]
    if module in WITH_SERVERS:
        return "tests/mixins with servers"
    return module if module in ON_ONE_WORKER else nodeid


def sort(items: list[pytest.Item]) -> None:
    """Put long tests first, and mix tests that wait with tests that compute.

    The short ones come last: a worker that begins a long test then would keep all others waiting.
    """
    places: dict[pytest.Item, float] = {}
    for folders in (_WAITING, _COMPUTING):
        chosen = sorted((item for item in items if _folder(item) in folders), key=partial(_precedence, folders))
        places |= {item: number / len(chosen) for number, item in enumerate(chosen)}
    items.sort(key=lambda item: places.get(item, 1.0))


def _folder(item: pytest.Item) -> str:
    return _folder_of(item.path)


@cache
def _folder_of(file: Path) -> str:
    return file.relative_to(_FOLDER).parts[0]


def _precedence(folders: Sequence[str], item: pytest.Item) -> tuple[bool, int]:
    is_long = item.get_closest_marker("long") is not None or item.nodeid.partition("::")[0] in ON_ONE_WORKER
    return not is_long, folders.index(_folder(item))
