"""The mixin that adds retries to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define
from onex.mixins.retry.engine import RetryEngine
from onex.mixins.retry.model_retry_subcontract import ModelRetrySubcontract
from onex.mixins.retry.protocol_retry import ProtocolRetry
from onex.util.clock import ProtocolClock


class MixinRetry(Mixin):
    """``await self.retry.call(work)``."""

    definition = define(__file__, ModelRetrySubcontract)

    @capability
    def retry(self: ProtocolHost) -> ProtocolRetry:
        """The retries."""
        return RetryEngine(configured(self, ModelRetrySubcontract), self.container.get(ProtocolClock))
