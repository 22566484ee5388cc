"""Gives a node its retries."""

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
        """Calls again what failed in a way that may pass."""
        return RetryEngine(configured(self, ModelRetrySubcontract), self.container.get(ProtocolClock))
