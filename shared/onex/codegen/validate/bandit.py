"""bandit's issues as findings."""

from collections.abc import Iterator
from functools import cache

from pydantic import JsonValue

from onex.codegen.model import ModelFinding
from onex.codegen.validate.rule import Findings, Rule
from onex.codegen.validate.sources import Module
from onex.codegen.validate.tools.client import ToolError, ToolProcess

_SKIPPED = ("B101", "B403", "B404", "B603")
"""Asserts, which narrow types: agents run without -O. Imports of pickle and subprocess, and every use of subprocess:
our rules look at what is done."""
_FAMILIES = {
    "security.eval": ("B102", "B307"),
    "security.deserialize": ("B301", "B302", "B506", "B614", "B615"),
    "security.shell": ("B602", "B604", "B605", "B609"),
    "security.sql": ("B608",),
    "security.tls": ("B323", "B501", "B502", "B503"),
    "security.secret": ("B105", "B106", "B107"),
}
"""The tests of bandit that report what one of our rules reports, too."""
_TOOL = Rule("security.tool", "install the extra `codegen`, or repeat the validation")


@cache
def bandit_process() -> ToolProcess:
    """Return the process of bandit, one for all validations."""
    return ToolProcess("bandit_process.py", seconds=60.0)


def check_bandit(modules: list[Module], tool: ToolProcess) -> Findings:
    """Yield bandit's issues. Comments ``# nosec`` have no effect: suppressions have a rule and a reason."""
    request: dict[str, JsonValue] = {
        "files": {module.path: module.text for module in modules},
        "skipped": [*_SKIPPED],
    }
    try:
        reply = tool.ask(request)
    except ToolError as error:
        yield _TOOL.at("", 0, str(error))
        return
    assert isinstance(reply, dict)
    issues, refused = reply["issues"], reply["refused"]
    assert isinstance(issues, list)
    assert isinstance(refused, list)
    for issue in issues:
        match issue:
            case [str(path), int(line), str(test), str(severity), str(text)]:
                rule = Rule(f"bandit.{test}", f"see bandit's {test}", "warning" if severity == "LOW" else "error")
                yield rule.at(path, line, text.partition("\n")[0].rstrip(" ."))
    for entry in refused:
        match entry:
            case [str(path), str(why)]:
                yield _TOOL.at(path, 0, f"bandit: {why}", "simplify the file")


def without_repetitions(findings: list[ModelFinding]) -> Iterator[ModelFinding]:
    """Yield findings, without those of bandit at a line where our rule of the same family has one."""
    ours = {(finding.file, finding.line, finding.rule) for finding in findings}
    families = {f"bandit.{test}": rule for rule, tests in _FAMILIES.items() for test in tests}
    for finding in findings:
        family = families.get(finding.rule, "")
        if not family or not any((finding.file, finding.line + n, family) in ours for n in (-1, 0, 1)):
            yield finding
