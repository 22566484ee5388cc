"""Labels parcels."""

from node_label_compute.v1_0_0.models import LabelParcel, ParcelLabelled

from onex.node import NodeCompute


class NodeLabelCompute(NodeCompute[LabelParcel, ParcelLabelled]):
    """Order and customer."""

    def compute(self, request: LabelParcel) -> ParcelLabelled:
        return ParcelLabelled(order_id=request.order_id, label=f"{request.order_id} for {request.customer}")
