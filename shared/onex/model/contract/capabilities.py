"""How a contract declares capabilities, one by one."""

from pydantic import Field, JsonValue

from onex.model.contract.base import ContractPart


class ModelMixinDeclaration(ContractPart):
    """One capability."""

    name: str = Field(pattern=r"^Mixin[A-Z][A-Za-z0-9]*$")
    """Class name of the mixin. ``onex mixins`` lists them."""
    enabled: bool = True
    """False leaves it out, with its configuration."""
    config: dict[str, JsonValue] = Field(default_factory=dict)
    """Its subcontract. ``${VAR}`` is replaced from the environment."""
