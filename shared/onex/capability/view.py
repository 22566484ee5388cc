"""Views: the ONEX name of a part of another capability, with a small configuration of its own and no engine.

A node that composes several views of one engine, and the capability itself, has one engine. Its configuration is
merged from all of them: a field that is not set overrides nothing, and two different values are an error.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from pydantic import ValidationError

from onex.capability.metadata import load_metadata
from onex.capability.mixin import Accessor, Definition, Mixin, Subcontract, View
from onex.errors import CompositionError
from onex.model.enums import EnumNodeKind
from onex.util.error_text import validation_text

S = TypeVar("S", bound=Subcontract)
C = TypeVar("C", bound=Subcontract)
Protocol = TypeVar("Protocol")

Settings = Callable[[Subcontract], Mapping[str, object]]
"""A function from the configuration of a view to fields elsewhere."""
Configured = tuple[Definition, Subcontract]
"""A view and its configuration."""


def define_view(
    file: str,
    subcontract: type[S],
    engine: type[Mixin],
    settings: Callable[[S], Mapping[str, object]] | Mapping[str, str],
    *,
    delivery: Mapping[str, str] | None = None,
) -> Definition:
    """Return the definition of the view in ``file``, with the ``metadata.yaml`` of the same folder.

    ``settings`` are the names of the view's fields in the engine's subcontract, or a function that returns fields of
    it, only for those fields that are set in the view's; see :func:`renamed`. The kinds are those for which both the
    view and its engine are; requirements and conflicts of the engine are also the view's. ``delivery`` are names of
    fields in ``delivery`` of the contract. A view with it has all kinds of its metadata, and no engine on those for
    which its engine is not.

    Raise CompositionError when ``engine`` is a view.
    """
    whole, part = engine.definition.metadata, load_metadata(Path(file).parent)
    if engine.definition.view is not None:
        raise CompositionError(f"{part.name} is a view of {whole.name}, which is a view; name the capability")
    if part.view_of not in ("", whole.name):
        raise CompositionError(f"{part.name}: its metadata.yaml names {part.view_of}, and its engine is {whole.name}")
    metadata = part.model_copy(
        update={
            "view_of": whole.name,
            "kinds": tuple(kind for kind in EnumNodeKind if kind in part.kinds and (delivery or kind in whole.kinds)),
            "requires": tuple(dict.fromkeys((*part.requires, *whole.requires))),
            "conflicts": tuple(dict.fromkeys((*part.conflicts, *whole.conflicts))),
        }
    )
    match settings:
        case Mapping():
            fields: Settings = partial(renamed, names=settings)
        case _:
            fields = cast(Settings, settings)
    view = View(engine, fields, None if delivery is None else partial(renamed, names=delivery))
    return Definition(metadata, subcontract, view)


def renamed(settings: Subcontract, names: Mapping[str, str]) -> dict[str, object]:
    """Return the set fields of a view's configuration under their names in the engine's."""
    return {ours: getattr(settings, name) for name, ours in names.items() if name in settings.model_fields_set}


def shared_engine(node: object, engine: type[Mixin], protocol: type[Protocol]) -> Protocol:
    """Return the engine of a capability, for the accessor of a view of it. The node stores it for all of them."""
    accessor = cast(Accessor[Protocol], vars(engine)[engine.definition.metadata.accessor])
    return accessor.make(node)


def engine_of(definition: Definition) -> Definition:
    """Return the definition with the engine: that of the view's capability, or the definition itself."""
    return definition.view.engine.definition if definition.view else definition


def merged(engine: Definition, own: Subcontract | None, views: Sequence[Configured], model: type[C]) -> C:
    """Return the configuration of an engine from its own subcontract and from those of views.

    ``model`` is the engine's subcontract. Raise CompositionError for a field with two values, which names both
    places, and for values that do not fit together.
    """
    key = engine.metadata.key
    values = {name: getattr(own, name) for name in own.model_fields_set} if own is not None else {}
    places = {name: f"{key}.{name}" for name in values}
    for definition, settings in views:
        for name, value in _settings(definition, settings).items():
            place = _place(definition, settings, name)
            if name in values and _plain(values[name]) != _plain(value):
                raise CompositionError(
                    f"{place} and {places[name]} set different values of {key}.{name}; keep one of the two"
                )
            values.setdefault(name, value)
            places.setdefault(name, place)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        named = ", ".join(definition.metadata.name for definition, _ in views)
        raise CompositionError(f"the settings of {named} do not fit together: {validation_text(error)}") from None


def _settings(definition: Definition, settings: Subcontract) -> Mapping[str, object]:
    assert definition.view is not None
    return definition.view.settings(settings)


def _place(definition: Definition, settings: Subcontract, name: str) -> str:
    """Return the field of a view that sets a field of its engine. The view itself, when its name alone sets it."""
    key = definition.metadata.key
    if name in _settings(definition, with_set(settings, frozenset())):
        return f"{definition.metadata.name} itself"
    for field in sorted(settings.model_fields_set):
        if name in _settings(definition, with_set(settings, frozenset({field}))):
            return f"{key}.{field}"
    return key


def with_set(settings: Subcontract, fields: frozenset[str]) -> Subcontract:
    """Return the configuration with the same values, of which only some are set."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return type(settings).model_construct(set(fields), **values)


def _plain(value: object) -> object:
    """Return a value so that a list and a tuple of the same items are equal."""
    match value:
        case list() | tuple():
            return tuple(_plain(item) for item in value)
        case _:
            return value
