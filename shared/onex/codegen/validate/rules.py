"""All rules of the stages, and the page that lists them."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import onex
from onex.codegen.validate.rule import Rule

_FILE = "docs/validation-rules.md"
_HEAD = """# Rules of NodeValidator

`onex generate` and `onex generate --validate-node` report findings by these names. They are stable: a comment
`# onex: allow[rule] reason` at the line of a finding allows it there. The reason is required, the report lists what
is allowed, and a comment that allows nothing is a warning. Findings of `syntax` and `contract` cannot be allowed.
In addition, `mypy.CODE` is an error of mypy and `bandit.TEST` an issue of bandit; its issues of low severity are
warnings. Rendered by `make render` from the code.
"""
_SUBJECTS: Mapping[str, str] = {
    "syntax": "Stage `syntax`: files, Python and YAML",
    "ast": "Stage `ast`: the node class, its handlers, and what runs when a module is imported",
    "imports": "Stage `imports`",
    "types": "Stage `type_checking`",
    "contract": "Stage `onex_compliance`: the contract",
    "compliance": "Stage `onex_compliance`: code against contract",
    "purity": "Stage `onex_compliance`: COMPUTE, REDUCER and ORCHESTRATOR are pure",
    "security": "Stage `security`",
    "performance": "Stage `performance`",
    "suppression": "Comments that allow a finding, in the stage of their rule",
}


def all_rules() -> list[Rule]:
    """Return every rule of ours by name."""
    package = import_module("onex.codegen.validate")
    modules = [import_module(f"{package.__name__}.{found.name}") for found in iter_modules(package.__path__)]
    rules = {value.name: value for module in modules for value in vars(module).values() if type(value) is Rule}
    return [rules[name] for name in sorted(rules)]


def rule_files(root: Path) -> Mapping[str, str]:
    """Return the page by its path below ``root``: the folder of a checkout of ONEX. Empty for any other folder."""
    if not Path(onex.__file__).resolve().is_relative_to(root.resolve() / "shared"):
        return {}
    sections = [_HEAD]
    for subject, title in _SUBJECTS.items():
        rows = [
            f"| `{rule.name}` | {rule.severity} | {rule.remedy.replace('|', '&#124;')} |"
            for rule in all_rules()
            if rule.name.partition(".")[0] == subject
        ]
        sections.append("\n".join([f"## {title}\n", "| rule | severity | remedy |", "|---|---|---|", *rows, ""]))
    return {_FILE: "\n".join(sections)}
