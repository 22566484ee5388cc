"""The wrapper of effects that write to Kafka directly."""

from onex.mixins.kafka_configuration import MixinKafkaConfiguration
from onex.mixins.kafka_health_check import MixinKafkaHealthCheck
from onex.mixins.message_queue import MixinMessageQueue
from onex.mixins.wrappers.kinds import ModelServiceEffect


class ModelServiceKafkaEffect(MixinKafkaConfiguration, MixinKafkaHealthCheck, MixinMessageQueue, ModelServiceEffect):
    """A ModelServiceEffect with a Kafka adapter and its check, and with ``self.queue``."""
