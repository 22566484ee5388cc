"""Base of every mixin: one typed accessor and nothing else.

A mixin owns no ``__init__``, ``start`` or ``stop``, so that there is no chain of ``super()`` calls to break: engines
are made when they are first asked for, and opened and closed by :class:`onex.capability.Composition`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from onex.capability.metadata import CapabilityMetadata, load_metadata
from onex.errors import CompositionError
from onex.model.contract.version import ModelSemVer

Engine = TypeVar("Engine")


class Accessor(Generic[Engine]):
    """Makes the engine at the first access and keeps it in the node: later accesses are plain look-ups."""

    def __init__(self, make: Callable[..., Engine]) -> None:
        self._make = make
        self.__doc__ = make.__doc__
        self.name = make.__name__

    def __get__(self, node: object, owner: type | None = None) -> object:
        if node is None:
            return self
        engine = self._make(node)
        node.__dict__[self.name] = engine
        return engine


if TYPE_CHECKING:
    from builtins import property as capability
    # A checker reads the annotation of ``self``: a node that lacks what it names is an error there.
else:
    capability = Accessor


__all__ = ["Accessor", "Definition", "Mixin", "Subcontract", "capability", "define"]


class Subcontract(BaseModel):
    """Base of the models that configure capabilities; each names the version of its interface.

    Frozen and closed: a field that no engine would enforce does not exist, and what is misspelt is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    INTERFACE_VERSION: ClassVar[ModelSemVer]


@dataclass(frozen=True, slots=True)
class Definition:
    """What a mixin is made of, beside its accessor."""

    metadata: CapabilityMetadata
    subcontract: type[Subcontract]
    """Model of its configuration."""


def define(file: str, subcontract: type[Subcontract]) -> Definition:
    """The definition of the mixin in ``file``, from the ``metadata.yaml`` beside it."""
    return Definition(load_metadata(Path(file).parent), subcontract)


class Mixin:
    """Base of every mixin."""

    definition: ClassVar[Definition]
    """Of the mixin itself; ``Node.capabilities`` has those of a node."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if Mixin in cls.__bases__:
            _check(cls)


def _check(mixin: type[Mixin]) -> None:
    """A mixin is one accessor, named by its metadata. Raises CompositionError."""
    name, own = mixin.__name__, vars(mixin)
    if "definition" not in own:
        raise CompositionError(f"{name} has no definition")
    metadata, subcontract = mixin.definition.metadata, mixin.definition.subcontract
    if metadata.name != name:
        raise CompositionError(f"{name}: its metadata.yaml is about {metadata.name}")
    if not isinstance(getattr(subcontract, "INTERFACE_VERSION", None), ModelSemVer):
        raise CompositionError(f"{name}: {subcontract.__name__} has no INTERFACE_VERSION")
    found = {key for key in own if not (key.startswith("__") and key.endswith("__"))} - {"definition"}
    found |= {"__init__"} & set(own)
    if found != {metadata.accessor} or not isinstance(own[metadata.accessor], Accessor):
        raise CompositionError(
            f"{name} must define the accessor {metadata.accessor!r} and nothing else; it defines "
            f"{', '.join(sorted(found)) or 'nothing'}: put the rest into its engine"
        )
