"""One effect with every capability there is."""

from node_showcase_effect.v1_0_0.models import Perform, Performed, Progressed
from node_showcase_effect.v1_0_0.parts import Basket, Echo

from onex.mixins.alerting import MixinAlerting
from onex.mixins.audit_log import MixinAuditLog
from onex.mixins.authentication import MixinAuthentication
from onex.mixins.authorization import MixinAuthorization
from onex.mixins.bulkhead import MixinBulkhead
from onex.mixins.caching import MixinCaching
from onex.mixins.circuit_breaker import MixinCircuitBreaker
from onex.mixins.contract_loader import MixinContractLoader
from onex.mixins.database import MixinDatabase
from onex.mixins.effect_handlers import MixinEffectHandlers
from onex.mixins.encryption import MixinEncryption
from onex.mixins.event_bus import MixinEventBus
from onex.mixins.files import MixinFiles
from onex.mixins.health_check import MixinHealthCheck
from onex.mixins.hmac_validation import MixinHMACValidation
from onex.mixins.http_client import MixinHttpClient
from onex.mixins.intelligent_caching import MixinIntelligentCaching
from onex.mixins.ip_whitelist import MixinIPWhitelist
from onex.mixins.kafka_configuration import MixinKafkaConfiguration
from onex.mixins.kafka_health_check import MixinKafkaHealthCheck
from onex.mixins.log_aggregation import MixinLogAggregation
from onex.mixins.logging import MixinLogging
from onex.mixins.memory_management import MixinMemoryManagement
from onex.mixins.message_queue import MixinMessageQueue
from onex.mixins.metrics import MixinMetrics
from onex.mixins.node_service import MixinNodeService
from onex.mixins.notification import MixinNotification
from onex.mixins.profiling import MixinProfiling
from onex.mixins.rate_limiting import MixinRateLimiting
from onex.mixins.retry import MixinRetry
from onex.mixins.secure_storage import MixinSecureStorage
from onex.mixins.security import MixinSecurity
from onex.mixins.security_headers import MixinSecurityHeaders
from onex.mixins.serialization import MixinSerialization
from onex.mixins.service_protocol import MixinServiceProtocol
from onex.mixins.service_registry import MixinServiceRegistry
from onex.mixins.timeout import MixinTimeout
from onex.mixins.tracing import MixinTracing
from onex.mixins.transactions import MixinTransactions
from onex.mixins.validation import MixinValidation
from onex.mixins.webhook import MixinWebhook
from onex.node import Context, NodeEffect


class NodeShowcaseEffect(
    MixinSecurityHeaders,
    MixinIPWhitelist,
    MixinHMACValidation,
    MixinAlerting,
    MixinAuditLog,
    MixinAuthorization,
    MixinAuthentication,
    MixinBulkhead,
    MixinIntelligentCaching,
    MixinCaching,
    MixinCircuitBreaker,
    MixinContractLoader,
    MixinTransactions,
    MixinDatabase,
    MixinEffectHandlers,
    MixinSecureStorage,
    MixinEncryption,
    MixinEventBus,
    MixinFiles,
    MixinHttpClient,
    MixinKafkaHealthCheck,
    MixinKafkaConfiguration,
    MixinHealthCheck,
    MixinLogAggregation,
    MixinLogging,
    MixinMemoryManagement,
    MixinMessageQueue,
    MixinMetrics,
    MixinNodeService,
    MixinNotification,
    MixinProfiling,
    MixinRateLimiting,
    MixinRetry,
    MixinSecurity,
    MixinSerialization,
    MixinServiceProtocol,
    MixinServiceRegistry,
    MixinTimeout,
    MixinTracing,
    MixinValidation,
    MixinWebhook,
    NodeEffect,
):
    """Uses those that work without anybody outside."""

    async def start(self) -> None:
        self.effects.register("echo", Echo)
        await self.database.ensure("CREATE TABLE IF NOT EXISTS showcase (name text PRIMARY KEY)")

    async def perform(self, command: Perform, context: Context) -> Performed:
        """One thing with each."""
        self.log.info("performing", name=command.name, card_token=command.card_token)
        self.metrics.increment("performances")
        await self.event_bus.publish(Progressed(name=command.name, step="begun"))
        await self.queue.send(Progressed(name=command.name, step="queued"))
        with self.tracing.span("perform", name=command.name), self.profiler.section("perform"):
            rows = await self.circuits.of("database").call(lambda: self.retry.call(lambda: self.insert(command.name)))
        await self.secrets.put(command.name, self.serializer.dump(command))
        await self.files.append("performed.txt", f"{command.name}\n".encode())
        kept = await self.secrets.get(command.name) or b""
        self.services.get(Basket).held.append(command.name)
        await self.effects.dispatch("echo", command)
        await self.event_bus.flush()
        return Performed(
            name=command.name,
            who=self.authentication.principal.subject,
            rows=rows,
            secret=self.serializer.load(kept, Perform).card_token,
            left=-1.0 if (left := self.limits.left()) is None else left,
        )

    async def insert(self, name: str) -> int:
        """Write a row, once. Return the number of rows."""
        async with self.bulkhead.of("database").slot(), self.transactions.begin() as unit:
            await unit.connection.execute("INSERT INTO showcase VALUES ($1) ON CONFLICT DO NOTHING", name)
            rows: int = await unit.connection.fetchval("SELECT count(*) FROM showcase")
            await unit.commit()
            return rows
