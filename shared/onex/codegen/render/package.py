"""Renders a node package from a contract: contract, models and node class."""

from pathlib import Path

from onex.codegen.inject import Injection, MixinInjector
from onex.codegen.introspect import ContractIntrospector
from onex.codegen.render.bodies import bodies_of
from onex.codegen.render.checked import checked
from onex.codegen.render.contract_text import with_schema_line, without_capabilities
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.render.models_module import models_module
from onex.codegen.render.needed_capabilities import check_needed
from onex.codegen.render.node_module import node_module
from onex.codegen.render.options import RenderOptions
from onex.codegen.render.shape import Shape, sentence
from onex.codegen.render.templates_of import Templates
from onex.contract.load import FILE_NAME
from onex.contract.variables import Variables
from onex.model.contract import ModelContract

__all__ = ["RenderOptions", "package_files"]

_INIT = "init.py.j2"
_DEFAULTS = RenderOptions()


def package_files(text: str, options: RenderOptions = _DEFAULTS) -> dict[str, str]:
    """Return the files of the node, by path below the services folder.

    Raises ContractError for a contract that is wrong, or that lacks what a generator needs, and ConfigurationError
    for templates of a project that cannot be used.
    """
    templates = Templates(options.templates)
    contract = generatable_contract(text)
    if options.minimal:
        text = without_capabilities(text)
        contract = generatable_contract(text)
    injection = _injection(contract) if options.mixins else Injection()
    bodies = bodies_of(contract, {circuit.service: circuit.name for circuit in injection.circuits})
    check_needed(contract, bodies, injection)
    root = f"{contract.name}/{contract.contract_version.folder}"
    return {
        f"{root}/contract.yaml": with_schema_line(text, options.schema),
        f"{root}/__init__.py": _init(contract, templates),
        f"{root}/models/__init__.py": models_module(contract, templates),
        f"{root}/node.py": node_module(contract, bodies, injection, templates),
    }


def _injection(contract: ModelContract) -> Injection:
    # `generatable_contract` has reported every problem with its line.
    enhanced = ContractIntrospector().enhance(contract, Variables(None, Path(FILE_NAME), {}))
    return MixinInjector().inject(enhanced)


def _init(contract: ModelContract, templates: Templates) -> str:
    description = sentence(contract.description or contract.name)
    rendered = templates.render(_INIT, {"name": contract.name, "description": description})
    shape = (
        None
        if templates.replaces(_INIT)
        else Shape(description, frozenset(), {}, None, frozenset(), frozenset(), frozenset())
    )
    return checked(rendered, shape, f"{contract.name}: package")
