"""The methods that capabilities add to a class, as they must be, whatever their templates are."""

import ast
from collections.abc import Mapping

from onex.codegen.inject import Injection
from onex.codegen.render.values import literal


def members_of(injection: Injection) -> Mapping[str, str]:
    """Return each method in the form of ``ast.unparse``, by name, in order."""
    sources = {}
    for check in injection.checks:
        mark = "@unfinished\n" if check.is_unfinished else ""
        words = f"Check {check.component} for the health check."
        sources[check.name] = f"{mark}async def {check.name}(self) -> bool:\n" + _body(words, *check.statements)
    for circuit in injection.circuits:
        words = "The circuit of one dependency, which all handlers share."
        call = f"return self.circuits.of({literal(circuit.service)})"
        sources[circuit.name] = f"@property\ndef {circuit.name}(self) -> ProtocolCircuit:\n" + _body(words, call)
    return {name: ast.unparse(ast.parse(source)) for name, source in sources.items()}


def _body(words: str, *statements: str) -> str:
    return "".join(f"    {line}\n" for line in (f'"""{words}"""', *statements))
