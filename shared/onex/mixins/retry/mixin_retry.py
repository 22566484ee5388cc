"""The mixin that adds retries to a node."""

from onex.capability import Mixin, ProtocolHost, capability, configured, define, is_pure
from onex.mixins.retry.engine import PureRetryEngine, RetryEngine
from onex.mixins.retry.model_retry_subcontract import ModelRetrySubcontract
from onex.mixins.retry.protocol_retry import ProtocolRetry
from onex.util.clock import ProtocolClock


class MixinRetry(Mixin):
    """``await self.retry.call(work)``."""

    definition = define(__file__, ModelRetrySubcontract)

    @capability
    def retry(self: ProtocolHost) -> ProtocolRetry:
        """The retries."""
        engine = PureRetryEngine if is_pure(self) else RetryEngine
        return engine(configured(self, ModelRetrySubcontract), self.container.get(ProtocolClock))
