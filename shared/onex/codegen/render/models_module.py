"""The module ``models`` of a package: a class for each message."""

from graphlib import TopologicalSorter

from onex.codegen.inject.imports import grouped_imports, in_import_order
from onex.codegen.render.checked import checked
from onex.codegen.render.shape import models_shape, names_in, sentence, standard_imports
from onex.codegen.render.templates_of import Templates
from onex.model.contract import ModelContract
from onex.model.contract.field_type import field_type_names

_TEMPLATE = "models.py.j2"


def models_module(contract: ModelContract, templates: Templates) -> str:
    """Return the text of the module. Messages come after those that they hold."""
    assert contract.definitions is not None
    models = contract.definitions.models
    uses = {name: {n for t in d.fields.values() for n in field_type_names(t)} for name, d in models.items()}
    order = list(TopologicalSorter({name: sorted(used) for name, used in sorted(uses.items())}).static_order())
    described = [
        {
            "name": name,
            "key": models[name].key,
            "description": sentence(models[name].description or name),
            "fields": models[name].fields,
        }
        for name in order
    ]
    types = names_in(*(text for definition in models.values() for text in definition.fields.values()))
    imports = standard_imports(types)
    rendered = templates.render(
        _TEMPLATE,
        {
            "name": contract.name,
            "models": described,
            "exported": in_import_order(models),
            "imports": grouped_imports([*imports, ("onex.node", "Message")]),
        },
    )
    shape = None if templates.replaces(_TEMPLATE) else models_shape(contract, order, imports)
    return checked(rendered, shape, f"{contract.name}: models")
