"""What a failing test of a mesh that it shares with others says about the agents."""

from collections.abc import Generator

import pytest

from tests.integration.agents import Mesh


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A mesh that ends with its test adds the same to the error; one of a whole module goes on."""
    report = yield
    if report.when == "call" and report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            if isinstance(value, Mesh):
                report.sections.append((f"agents of {name}", value.stand()))
    return report
