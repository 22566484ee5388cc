"""An orchestrator service with authentication, authorization, an audit log and encryption."""

from node_secure_orchestrator.v1_0_0.models import (
    PayoutReleased,
    PayoutRequested,
    PayoutState,
    ReleasePayout,
    RequestPayout,
)

from onex.mixins.audit_log import MixinAuditLog
from onex.mixins.authentication import MixinAuthentication
from onex.mixins.authorization import MixinAuthorization
from onex.mixins.encryption import MixinEncryption
from onex.node import Context, Decision, NodeOrchestrator, RejectedError


class NodeSecureOrchestrator(
    NodeOrchestrator[RequestPayout, PayoutReleased],
    MixinAuthentication,
    MixinAuthorization,
    MixinAuditLog,
    MixinEncryption,
):
    """Two people for each payout: the one who requests it does not release it."""

    State = PayoutState

    def decide(
        self, state: PayoutState | None, event: RequestPayout | ReleasePayout, context: Context
    ) -> Decision[PayoutState]:
        """Store a request with its account encrypted, or release the stored one."""
        match event, state:
            case RequestPayout(), None:
                return self._request(event)
            case RequestPayout(), _:
                raise RejectedError(f"the payout {event.payout} is already requested")
            case ReleasePayout(), PayoutState():
                return self._release(event, state)
            case _:
                raise RejectedError(f"the payout {event.payout} is not requested")

    def _request(self, command: RequestPayout) -> Decision[PayoutState]:
        who = self.authentication.principal.subject
        sealed = self.encryption.encrypt(command.account.encode(), purpose=command.payout)
        return Decision(
            PayoutState(amount=command.amount, sealed_account=sealed, requested_by=who),
            events=[PayoutRequested(payout=command.payout, requested_by=who)],
        )

    def _release(self, command: ReleasePayout, state: PayoutState) -> Decision[PayoutState]:
        self.authorization.require("release", requested_by=state.requested_by)
        self.audit.note("payout released", payout=command.payout, amount=state.amount)
        account = self.encryption.decrypt(state.sealed_account, purpose=command.payout).decode()
        released = PayoutReleased(
            payout=command.payout,
            amount=state.amount,
            account=account,
            requested_by=state.requested_by,
            released_by=self.authentication.principal.subject,
        )
        return Decision(None, completion=released)
