"""Whether the class has the capabilities that the bodies of its handlers use."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from onex.codegen.inject import Injection
from onex.codegen.render.bodies import Body
from onex.contract.load import FILE_NAME
from onex.errors import ContractError, ContractProblem
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelContract


def check_needed(contract: ModelContract, bodies: Mapping[str, Body], injection: Injection) -> None:
    """Raise ContractError for each handler that uses a capability which is no base of the class."""
    missing = [
        (method, name)
        for method, body in bodies.items()
        for name in sorted({*_own_attributes(body.statements)} - {*injection.accessors})
    ]
    # The catalogue reads a file of every capability, which takes a while: it is asked only when something is missing.
    accessors = {CATALOGUE.metadata(name).accessor: name for name in CATALOGUE.names} if missing else {}
    problems = [
        ContractProblem(
            Path(FILE_NAME),
            1,
            "mixins",
            f"the handler {method} of {contract.name} needs {accessors[name]}",
            f"add {accessors[name]} to `mixins`, and generate with mixins",
        )
        for method, name in missing
        if name in accessors
    ]
    if problems:
        raise ContractError(problems)


def _own_attributes(statements: str) -> Iterator[str]:
    """Yield the attributes of the node that statements use."""
    for node in ast.walk(ast.parse(statements)):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                yield name
