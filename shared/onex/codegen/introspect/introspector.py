"""Resolves the capabilities of a contract, without the node's class and without an environment."""

from collections.abc import Mapping, Sequence

from onex.capability.metadata import CapabilityMetadata
from onex.codegen.introspect.added_names import check_names
from onex.codegen.introspect.model import ModelComposedMixin, ModelEnhancedContract
from onex.codegen.introspect.overlaps import overlaps
from onex.contract.capabilities import Declared, compose, declared_capabilities
from onex.contract.checker import Checker
from onex.contract.features import features_of
from onex.contract.load import FILE_NAME, parse_with_variables
from onex.contract.reader import BASES
from onex.contract.resolved import Subcontracts
from onex.contract.variables import Variables
from onex.contract.yaml_lines import dotted
from onex.errors import CompositionError
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelContract
from onex.model.contract.capabilities import ModelMixinDeclaration


class ContractIntrospector:
    """Reads which capabilities a contract declares, under ``mixins``, ``subcontracts`` and ``advanced_features``."""

    def introspect(self, text: str, name: str = FILE_NAME) -> ModelEnhancedContract:
        """Return the contract in a text, which problems call ``name``. Raise ContractError with every problem.

        Variables are not looked up: their values belong to the environment in which the node runs. A variable without
        a default stays as it is written.
        """
        contract, variables = parse_with_variables(text, name)
        return self.enhance(contract, variables)

    def enhance(self, contract: ModelContract, variables: Variables) -> ModelEnhancedContract:
        """As :meth:`introspect`, for a contract that is read already."""
        checker = Checker(variables)
        _, subcontracts = compose(contract, BASES[contract.node_type], checker)
        features = features_of(contract, checker)
        # Names that are unknown are reported once, by `compose`.
        by_name: dict[str, list[Declared]] = {}
        for declared in declared_capabilities(contract, Checker(variables)):
            by_name.setdefault(declared.mixin.__name__, []).append(declared)
        mixins = tuple(_composed(name, by_name[name], subcontracts) for name in _in_order_of_bases(list(by_name)))
        check_names(contract, mixins, {name: places[0].at for name, places in by_name.items()}, checker)
        checker.raise_if_any()
        return ModelEnhancedContract(
            contract=contract,
            mixins=mixins,
            features=tuple(sorted(features.names)),
            warnings=tuple(overlaps(contract, by_name, variables)),
            variables=tuple(sorted(set(variables.open.values()))),
        )


def _composed(name: str, places: Sequence[Declared], subcontracts: Subcontracts) -> ModelComposedMixin:
    config = next((declared.config for declared in places if declared.config), {})
    model = places[0].mixin.definition.subcontract
    # Without configuration a capability has its defaults; with one that lacks a variable it has no model yet.
    return ModelComposedMixin(
        declaration=ModelMixinDeclaration(name=name, config=config),
        metadata=places[0].mixin.definition.metadata,
        module=CATALOGUE.module(name),
        config=subcontracts.get(model) if config else model(),
        declared_at=tuple(dotted(declared.at) for declared in places),
    )


def _in_order_of_bases(names: Sequence[str]) -> list[str]:
    metadata = {name: CATALOGUE.metadata(name) for name in names}
    return sorted(names, key=lambda name: (-_depth(name, metadata), name))


def _depth(name: str, metadata: Mapping[str, CapabilityMetadata], below: frozenset[str] = frozenset()) -> int:
    """Return the length of the longest chain of requirements. Raise CompositionError for a circle."""
    if name in below:
        raise CompositionError(f"{name} requires itself")
    required = [other for other in metadata[name].requires if other in metadata]
    return 1 + max((_depth(other, metadata, below | {name}) for other in required), default=-1)
