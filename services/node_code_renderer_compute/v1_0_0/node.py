"""Render node packages."""

from node_code_renderer_compute.v1_0_0.models import NodeRendered, RenderNode
from onex.codegen import package_files
from onex.errors import ContractError
from onex.node import NodeCompute, RejectedError


class NodeCodeRendererCompute(NodeCompute[RenderNode, NodeRendered]):
    """Render contract, models and node class with Jinja2."""

    def compute(self, request: RenderNode) -> NodeRendered:
        try:
            files = package_files(request.contract)
        except ContractError as error:
            raise RejectedError(str(error)) from None
        return NodeRendered(generation_id=request.generation_id, files=files)
