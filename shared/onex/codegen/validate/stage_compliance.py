"""Stage ONEX_COMPLIANCE: the class does what its contract says, and pure kinds are pure."""

import ast
from collections.abc import Iterator

from onex.codegen.validate.class_facts import NodeClass, node_classes, type_names
from onex.codegen.validate.purity import check_purity
from onex.codegen.validate.rule import Findings, Rule, shown
from onex.codegen.validate.sources import Package
from onex.codegen.validate.wanted import message_position, wanted_methods
from onex.contract.load import parse_contract
from onex.errors import CompositionError, ContractError
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelContract, ModelDefinitions
from onex.model.enums import EnumNodeKind

_CONTRACT = Rule("contract.problem", "fix the contract")
_FOLDER = Rule("contract.folder", "move the package, or fix name and contract_version")
_ACCEPTS = Rule("compliance.accepts", "annotate the message with it")
_RETURNS = Rule("compliance.returns", "fix output_events or the annotation")
_MODEL = Rule("compliance.model", "write the class in models/")
_FIELDS = Rule("compliance.fields", "write the fields that the contract defines")
_STATE = Rule("compliance.state", "name the state that the contract defines")
_TYPES = Rule("compliance.types", "write NodeX[Type, ...]")
_BASE = Rule("compliance.mixin_base", "make it a base: then its accessor is typed", "warning")
_KIND = Rule("compliance.mixin_kind", "remove the base, or move the work to a node of that kind")
_OFF = Rule("compliance.mixin_off", "remove the base, or `enabled: false`")


def check_compliance(package: Package, *, mixins: bool = True) -> Findings:
    """Yield where code and contract differ, and what a pure node must not do.

    Without ``mixins``, declared capabilities need not be bases: the agent composes them.
    """
    path = package.path("contract.yaml")
    if (text := package.files.get(path)) is not None and package.contract is None:
        try:
            parse_contract(text)
        except ContractError as error:
            yield from (_CONTRACT.at(path, p.line, f"{p.field}: {p.message}", p.remedy) for p in error.problems)
    classes = node_classes(package)
    kind = package.contract.node_type if package.contract else classes[0].kind if classes else EnumNodeKind.EFFECT
    if kind is not EnumNodeKind.EFFECT:
        for module in package.own_modules:
            yield from check_purity(module)
    if package.contract is None:
        return
    if package.root and package.root != f"{package.contract.name}/{package.contract.contract_version.folder}":
        expected = f"{package.contract.name}/{package.contract.contract_version.folder}"
        yield _FOLDER.at(path, 1, f"the folder is {package.root}, the contract says {expected}")
    if package.contract.definitions is not None:
        yield from _models(package, package.contract.definitions)
    if len(classes) == 1 and package.node is not None:
        yield from _handlers(package, package.node.path, classes[0], package.contract)
        yield from _state(package.node.path, classes[0], package.contract)
        yield from _capabilities(package.node.path, classes[0], package.contract, mixins)


def _handlers(package: Package, path: str, found: NodeClass, contract: ModelContract) -> Findings:
    messages = set(_message_names(package, contract))
    position = message_position(contract.node_type)
    for wanted in wanted_methods(contract):
        method = found.methods.get(wanted.name)
        if method is None:
            continue  # stage AST reports it
        parameters = [*method.args.posonlyargs, *method.args.args]
        if wanted.accepts and position < len(parameters) and (annotation := parameters[position].annotation):
            accepted = type_names(annotation)
            for name in sorted(wanted.accepts - accepted):
                if not accepted & {"Message", "Any", "object"}:
                    yield _ACCEPTS.at(path, method, f"{wanted.name} does not accept {name}")
        if wanted.returns is None or method.returns is None:
            continue
        names = type_names(method.returns)
        returned = names & (messages | wanted.returns)
        if "Message" in names:
            continue
        for name in sorted(returned - wanted.returns):
            yield _RETURNS.at(path, method, f"{wanted.name} may return {shown(name)}")
        for name in sorted(wanted.returns - returned):
            yield _RETURNS.at(path, method, f"{wanted.name} never returns {name}")


def _message_names(package: Package, contract: ModelContract) -> Iterator[str]:
    yield from package.models
    yield from contract.definitions.models if contract.definitions else ()
    for node in ast.walk(package.node.tree) if package.node else ():
        match node:
            case ast.ImportFrom(module=str(module), names=names) if ".models" in module:
                yield from (alias.asname or alias.name for alias in names)


def _models(package: Package, definitions: ModelDefinitions) -> Findings:
    models_path = package.path("models/__init__.py")
    for name, definition in definitions.models.items():
        found = package.models.get(name)
        if found is None:
            yield _MODEL.at(models_path, 0, f"models/ has no {name}")
            continue
        fields = {
            statement.target.id
            for statement in found.body
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        }
        differing = sorted(fields ^ set(definition.fields))
        if differing:
            message = f"{name} differs from the contract in {', '.join(map(shown, differing))}"
            yield _FIELDS.at(models_path, found, message)


def _state(path: str, found: NodeClass, contract: ModelContract) -> Findings:
    match contract.node_type:
        case EnumNodeKind.REDUCER if not found.arguments:
            yield _TYPES.at(
                path, found.tree, f"{shown(found.name)} does not name its state", "write NodeReducer[State]"
            )
        case EnumNodeKind.REDUCER if contract.definitions and contract.definitions.state:
            if contract.definitions.state not in type_names(found.arguments[0]):
                yield _STATE.at(
                    path, found.tree, f"the state of {shown(found.name)} is not {contract.definitions.state}"
                )
        case EnumNodeKind.ORCHESTRATOR if len(found.arguments) != 2:
            message = f"{shown(found.name)} does not name its command and its completion event"
            yield _TYPES.at(path, found.tree, message, "write NodeOrchestrator[Command, Completion]")
        case EnumNodeKind.ORCHESTRATOR if contract.workflow_coordination is None:
            named = {
                target.id
                for statement in found.tree.body
                if isinstance(statement, ast.Assign)
                for target in statement.targets
                if isinstance(target, ast.Name)
            }
            if "State" not in named:
                yield _STATE.at(path, found.tree, f"{shown(found.name)} has no State", "write `State = YourState`")


def _capabilities(path: str, found: NodeClass, contract: ModelContract, mixins: bool) -> Findings:
    declared = {name for name in CATALOGUE.mixin_names(contract.asked_capabilities) if name.startswith("Mixin")}
    for name in sorted(declared - found.mixins) if mixins else ():
        yield _BASE.at(path, found.tree, f"the contract declares {name}, and {shown(found.name)} has no such base")
    for switched in contract.mixins:
        if not switched.enabled and switched.name in found.mixins:
            yield _OFF.at(path, found.tree, f"{switched.name} is a base, and the contract has switched it off")
    for name in sorted(found.mixins):
        try:
            metadata = CATALOGUE.metadata(name)
        except CompositionError:
            continue  # a mixin of the node's own package, or one that IMPORTS reports
        if contract.node_type not in metadata.kinds:
            yield _KIND.at(path, found.tree, f"{name} is not for a {contract.node_type}")
