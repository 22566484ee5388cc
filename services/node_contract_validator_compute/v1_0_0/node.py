"""Validate contracts."""

from node_contract_validator_compute.v1_0_0.models import ContractRefused, ContractValidated, ValidateContract
from onex.codegen import (
    CodeGenerationService,
    EnumGenerationStrategy,
    EnumValidationLevel,
)
from onex.errors import ContractError
from onex.node import NodeCompute

_STRATEGIES = (EnumGenerationStrategy.AUTO, EnumGenerationStrategy.TEMPLATE)


class NodeContractValidatorCompute(NodeCompute[ValidateContract, ContractValidated | ContractRefused]):
    """Report all problems of a contract together. A refused contract is a result, not a failure of this node."""

    def compute(self, request: ValidateContract) -> ContractValidated | ContractRefused:
        if problem := _problem_of_options(request):
            return ContractRefused(generation_id=request.generation_id, reason=problem)
        try:
            found = CodeGenerationService().introspect(request.contract)
        except ContractError as error:
            return ContractRefused(generation_id=request.generation_id, reason=str(error))
        contract = found.contract
        return ContractValidated(
            generation_id=request.generation_id,
            name=contract.name,
            kind=contract.node_type,
            version=str(contract.contract_version),
            mixins=tuple(mixin.name for mixin in found.mixins),
            warnings=tuple(str(warning) for warning in found.warnings),
            strategy=EnumGenerationStrategy.TEMPLATE,
            level=request.level,
        )


def _problem_of_options(request: ValidateContract) -> str:
    if request.strategy not in _STRATEGIES:
        return (
            f"strategy: {request.strategy!r} needs a folder, which a workflow has not; use {' or '.join(_STRATEGIES)}"
        )
    if request.level not in set(EnumValidationLevel):
        return f"level: {request.level!r} is none; use one of {', '.join(EnumValidationLevel)}"
    return ""
