"""Render node packages."""

from node_code_renderer_compute.v1_0_0.models import NodeRendered, RenderNode
from onex.codegen import CodeGenerationService, GenerationOptions
from onex.errors import ContractError
from onex.node import NodeCompute, RejectedError


class NodeCodeRendererCompute(NodeCompute[RenderNode, NodeRendered]):
    """Render contract, models, node class and golden cases. Nothing is executed, and nothing is written."""

    def compute(self, request: RenderNode) -> NodeRendered:
        try:
            rendered = CodeGenerationService().render(request.contract, GenerationOptions(mixins=request.mixins))
        except ContractError as error:
            raise RejectedError(str(error)) from None
        return NodeRendered(
            generation_id=request.generation_id, files=dict(rendered.files), unfinished=rendered.unfinished
        )
