"""What all bodies of a contract need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onex.codegen.render.bodies.body import Block, Import
from onex.codegen.render.bodies.sources import Built
from onex.codegen.render.values import Models
from onex.model.contract import ModelContract


@dataclass(frozen=True, slots=True)
class Facts:
    """A contract with definitions."""

    contract: ModelContract
    models: Models
    circuits: Mapping[str, str] = field(default_factory=dict)
    """Property of the generated class with the circuit of a service, by the name of the service."""

    @property
    def module(self) -> str:
        """Module of the node's messages."""
        return f"{self.contract.name}.{self.contract.contract_version.folder}.models"

    def imports(self, names: frozenset[str]) -> frozenset[Import]:
        """Return the imports of these message classes."""
        return frozenset((self.module, name) for name in names)


def block_of(facts: Facts, lines: Sequence[str], built: Built, *imports: Import) -> Block:
    """Return lines that have an expression in them, with its imports and constants."""
    return Block(lines, facts.imports(built.names) | {*imports}, built.constants)
