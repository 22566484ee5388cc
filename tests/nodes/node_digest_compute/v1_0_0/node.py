"""Make digests."""

from node_digest_compute.v1_0_0.models import DigestMade, MakeDigest

from onex.node import NodeCompute


class NodeDigestCompute(NodeCompute[MakeDigest, DigestMade]):
    """Repeats the command as an event."""

    def compute(self, request: MakeDigest) -> DigestMade:
        return DigestMade(digest_id=request.digest_id, made_for=request.made_for, pages=request.pages)
