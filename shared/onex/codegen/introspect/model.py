"""A contract with its capabilities resolved."""

from pydantic import BaseModel, ConfigDict, SerializeAsAny

from onex.capability import Subcontract
from onex.capability.metadata import CapabilityMetadata
from onex.codegen.model import ModelFinding
from onex.model.contract import ModelContract
from onex.model.contract.advanced_features import ModelAdvancedFeatures
from onex.model.contract.capabilities import ModelMixinDeclaration


class ModelComposedMixin(BaseModel):
    """A capability that a contract declares, under any of its names."""

    model_config = ConfigDict(frozen=True)

    declaration: ModelMixinDeclaration
    """As an entry of ``mixins``. A variable without a default is still ``${VAR}`` in its configuration."""
    metadata: CapabilityMetadata
    module: str
    """Module from which code imports the mixin."""
    config: SerializeAsAny[Subcontract] | None
    """The validated configuration. None when it needs a variable without a default, which only the node knows."""
    declared_at: tuple[str, ...]
    """Keys of the contract that declare it: ``mixins[0].config``, ``advanced_features.transactions``."""

    @property
    def name(self) -> str:
        """Class name of the mixin."""
        return self.metadata.name


class ModelEnhancedContract(BaseModel):
    """A contract and its capabilities, after all checks."""

    model_config = ConfigDict(frozen=True)

    contract: ModelContract
    mixins: tuple[ModelComposedMixin, ...] = ()
    """The capabilities in the order of a class's bases: each before those that it requires, then by name."""
    features: tuple[str, ...] = ()
    """The features of the agent that it names, sorted."""
    warnings: tuple[ModelFinding, ...] = ()
    """Declarations that overlap: valid, and probably not meant."""
    variables: tuple[str, ...] = ()
    """Variables without a default. The environment of the node must have them."""

    @property
    def advanced_features(self) -> ModelAdvancedFeatures | None:
        """The features under their ONEX names."""
        return self.contract.advanced_features

    def mixin(self, name: str) -> ModelComposedMixin | None:
        """Return the capability with this class name, or None."""
        return next((mixin for mixin in self.mixins if mixin.name == name), None)
