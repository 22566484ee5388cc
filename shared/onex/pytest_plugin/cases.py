"""Golden cases as items of pytest."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest._code.code import TerminalRepr
from typing_extensions import override

from onex.contract import resolve_node
from onex.contract.needs import needs_database
from onex.errors import ContractError
from onex.testing import Case, load_cases, run_case
from onex.testing.cases import case_lines


class CaseFailedError(AssertionError):
    """A node does something else than its case states. The text has the difference."""


class CasesFile(pytest.File):
    """The ``cases.yaml`` of a node."""

    @override
    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each case. Raise CollectError, with file and line, for a file that has mistakes."""
        folder = self.path.parent
        try:
            cases, lines = load_cases(folder), case_lines(folder)
        except ContractError as error:
            raise self.CollectError(str(error)) from None
        names = Counter(case.name for case in cases)
        for case, line in zip(cases, lines, strict=True):
            name = case.name if names[case.name] == 1 else f"{case.name} (line {line})"
            item: CaseItem = CaseItem.from_parent(self, name=name, callobj=_runner(folder, case, line))
            item.line = line
            yield item


class CaseItem(pytest.Function):
    """One case. It is a test function, so that fixtures with ``autouse`` in a ``conftest.py`` work for it too."""

    line: int = 1

    @override
    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place of the case in its file."""
        return self.path, self.line - 1, self.name

    @override
    def repr_failure(  # type: ignore[override]  # as that of pytest.Function, without a style
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str | TerminalRepr:
        """Return the difference instead of a traceback, which would only show the library."""
        match excinfo.value:
            case CaseFailedError() | ContractError():
                return str(excinfo.value)
            case _:
                return super().repr_failure(excinfo)


def cases_file(parent: pytest.Collector, file: Path) -> CasesFile:
    """Return the collector of a file with cases."""
    made: CasesFile = CasesFile.from_parent(parent, path=file)
    return made


def _runner(folder: Path, case: Case, line: int) -> Callable[[pytest.FixtureRequest], None]:
    def run(request: pytest.FixtureRequest) -> None:
        node = resolve_node(folder, "")
        does_real_io = node.contract.name in request.config.getini("onex_real_io")
        if needs_database(node):
            request.getfixturevalue("postgres")
            does_real_io = True
        if difference := run_case(folder, case, virtual_time=not does_real_io):
            raise CaseFailedError(f"{folder / 'cases.yaml'}:{line}: {case.name}: {difference}")

    return run
