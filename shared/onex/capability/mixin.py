"""Base of every mixin: one typed accessor and nothing else.

A mixin has no ``__init__``, ``start`` or ``stop``, so no chain of ``super()`` calls can break. The first access
creates an engine; :class:`onex.capability.Composition` opens and closes it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

from onex.capability.metadata import CapabilityMetadata, load_metadata
from onex.errors import CompositionError
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumNodeKind

Engine = TypeVar("Engine")


class Accessor(Generic[Engine]):
    """Creates the engine at the first access and stores it in the node. Later accesses are plain look-ups."""

    def __init__(self, make: Callable[..., Engine]) -> None:
        self.make = make
        self.__doc__ = make.__doc__
        self.name = make.__name__

    def __get__(self, node: object, owner: type | None = None) -> object:
        if node is None:
            return self
        engine = self.make(node)
        node.__dict__[self.name] = engine
        return engine


if TYPE_CHECKING:
    from builtins import property as capability
    # A type checker reads the annotation of ``self``: a node without the attributes that it names is an error.
else:
    capability = Accessor


__all__ = ["Accessor", "Definition", "Misfit", "Mixin", "Subcontract", "View", "capability", "define"]


class Misfit(NamedTuple):
    """A part of a subcontract that does not fit the node."""

    at: tuple[str | int, ...]
    """Place in the subcontract."""
    message: str
    remedy: str


class Subcontract(BaseModel):
    """Base of the models that configure capabilities. Each names the version of its interface.

    Frozen and closed: an unknown or misspelt field is an error, so no field exists that no engine enforces.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    INTERFACE_VERSION: ClassVar[ModelSemVer]

    def misfits(self, models: Mapping[str, type[BaseModel]]) -> Iterable[Misfit]:
        """Return what does not fit the classes in ``models/`` of the node, by name. By default everything fits."""
        return ()

    def unfit_for(self, kind: EnumNodeKind) -> Iterable[Misfit]:
        """Return what a node of this kind cannot have. By default everything fits. For whole fields use
        ``effect_settings`` of the metadata."""
        return ()


@dataclass(frozen=True, slots=True)
class View:
    """The part of a definition that only views have: a mixin whose work the engine of another capability does."""

    engine: "type[Mixin]"
    """The capability with the engine."""
    settings: Callable[[Subcontract], Mapping[str, object]]
    """Returns fields of the engine's subcontract, for the fields that are set in the view's. A pure function."""
    delivery: Callable[[Subcontract], Mapping[str, object]] | None = None
    """Returns fields of ``delivery`` in the contract in the same way. None for a view that sets none. With it the
    view may have kinds for which its engine is not: the agent does its work there."""


@dataclass(frozen=True, slots=True)
class Definition:
    """The parts of a mixin in addition to its accessor."""

    metadata: CapabilityMetadata
    subcontract: type[Subcontract]
    """Model of its configuration."""
    view: View | None = None


def define(file: str, subcontract: type[Subcontract]) -> Definition:
    """Return the definition of the mixin in ``file``, with the ``metadata.yaml`` of the same folder."""
    return Definition(load_metadata(Path(file).parent), subcontract)


class Mixin:
    """Base of every mixin."""

    definition: ClassVar[Definition]
    """The mixin's own definition. ``Node.capabilities`` has those of a whole node."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if Mixin in cls.__bases__:
            _check(cls)


def _check(mixin: type[Mixin]) -> None:
    """Raise CompositionError unless the mixin is one accessor with the name in its metadata."""
    name, members = mixin.__name__, vars(mixin)
    if "definition" not in members:
        raise CompositionError(f"{name} has no definition")
    metadata, subcontract = mixin.definition.metadata, mixin.definition.subcontract
    if metadata.name != name:
        raise CompositionError(f"{name}: its metadata.yaml describes {metadata.name}")
    if not isinstance(getattr(subcontract, "INTERFACE_VERSION", None), ModelSemVer):
        raise CompositionError(f"{name}: {subcontract.__name__} has no INTERFACE_VERSION")
    names = {key for key in members if not (key.startswith("__") and key.endswith("__"))} - {"definition"}
    names |= {"__init__"} & set(members)
    if (
        mixin.definition.view is not None
        and metadata.accessor != mixin.definition.view.engine.definition.metadata.accessor
    ):
        engine = mixin.definition.view.engine.__name__
        raise CompositionError(f"{name} is a view of {engine}, and has another accessor; use the same name")
    if names != {metadata.accessor} or not isinstance(members[metadata.accessor], Accessor):
        raise CompositionError(
            f"{name} must define the accessor {metadata.accessor!r} and nothing else; it defines "
            f"{', '.join(sorted(names)) or 'nothing'}: move other members into its engine"
        )
