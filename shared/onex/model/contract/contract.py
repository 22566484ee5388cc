"""The whole of ``contract.yaml``."""

from typing import Final

from pydantic import Field, JsonValue, PrivateAttr, field_validator, model_validator

from onex.model.contract.advanced_features import ModelAdvancedFeatures
from onex.model.contract.base import ContractPart
from onex.model.contract.capabilities import ModelMixinDeclaration
from onex.model.contract.definitions import ModelDefinitions
from onex.model.contract.delivery import ModelDelivery, ModelErrorHandling, ModelRetryPolicy
from onex.model.contract.examples import Case
from onex.model.contract.identifiers import RESERVED_METHODS, ClassName
from onex.model.contract.io_operations import MOST_OPERATIONS, IoOperation
from onex.model.contract.routing import ModelDependency, ModelEventBus, ModelHandlerRouting
from onex.model.contract.schedules import MOST_SCHEDULES, ModelSchedule
from onex.model.contract.state_machine import ModelStateMachine
from onex.model.contract.version import ModelSemVer
from onex.model.contract.workflow import ModelWorkflow
from onex.model.enums import EnumNodeKind, EnumOrdering
from onex.model.topic import (
    TopicName,
    cancel_topic,
    changelog_topic,
    checkpoint_topic,
    consumer_group,
    dead_letter_topic,
    kebab,
    repeated_topic,
    retry_topic,
)

_EFFECT_TIMEOUT, _PURE_TIMEOUT = 30.0, 5.0
_LONGEST_NAME = 100
"""Characters: the names of topics, groups and files derive from it, and each of them has a limit."""
_MOST_EXAMPLES = 200
SCHEMA_VERSION: Final = 1
"""Version of the keys of a contract. It grows when a key gets another meaning; new keys do not change it."""


class ModelContract(ContractPart):
    """The kind of a node, its inputs and outputs, and its guarantees."""

    name: str = Field(
        pattern=r"^node_[a-z0-9]+(_[a-z0-9]+)*_(compute|effect|reducer|orchestrator)$", max_length=_LONGEST_NAME
    )
    """``node_``, the owner, and the kind: ``node_payment_effect``."""
    node_type: EnumNodeKind
    """The kind of the node, which decides what its handlers may do."""
    contract_version: ModelSemVer
    """A new major version is a new node next to the old one: it has another group, changelog and folder."""
    schema_version: int = Field(default=SCHEMA_VERSION, ge=1)
    """Version of the keys below. ``onex contract migrate`` rewrites an older contract."""
    description: str = ""
    """One sentence about the node, shown in the registry and in tools."""
    metadata: dict[str, str] = Field(default_factory=dict)
    """Author, tags and similar: shown by ``onex explain``, and not used otherwise."""
    input_model: ClassName | None = None
    """Short form for the single handler of a COMPUTE or EFFECT. Otherwise use ``handler_routing``."""
    output_model: ClassName | None = None
    """The result of ``input_model``."""
    event_bus: ModelEventBus
    """Topics that the node reads and writes."""
    handler_routing: ModelHandlerRouting | None = None
    """The method for each message type."""
    delivery: ModelDelivery = ModelDelivery()
    """Guarantee, ordering, concurrency, timeout."""
    error_handling: ModelErrorHandling = ModelErrorHandling()
    """Retries."""
    state_machine: ModelStateMachine | None = None
    """REDUCER, or ORCHESTRATOR in code: states and transitions."""
    io_operations: tuple[IoOperation, ...] = Field(default=(), max_length=MOST_OPERATIONS)
    """EFFECT: what its handlers do outside the mesh, in order."""
    workflow_coordination: ModelWorkflow | None = None
    """ORCHESTRATOR: steps, order, compensation."""
    schedules: tuple[ModelSchedule, ...] = Field(default=(), max_length=MOST_SCHEDULES)
    """Commands that the scheduler of the mesh sends to the node at declared times."""
    definitions: ModelDefinitions | None = None
    """Fields of the node's messages. Checked against ``models/``; the generator writes ``models/`` from it."""
    examples: tuple[Case, ...] = Field(default=(), max_length=_MOST_EXAMPLES)
    """Messages and what they lead to, as in ``cases.yaml``. The generator writes ``cases.yaml`` from them."""
    dependencies: tuple[ModelDependency, ...] = ()
    """Modules that must be importable before the node starts."""
    mixins: tuple[ModelMixinDeclaration, ...] = ()
    """Capabilities with their configuration, in addition to the base classes of the node."""
    subcontracts: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    """Capabilities by key: ``retry: {max_retries: 5}``. Each composes its capability."""
    advanced_features: ModelAdvancedFeatures | None = None
    """Capabilities and retries under their ONEX names."""
    config: dict[str, JsonValue] = Field(default_factory=dict)
    """Validated with the node's ``Config`` model at start. ``${VAR}`` is replaced from the environment."""
    _topic_prefix: str = PrivateAttr("")
    _machine_at: tuple[str | int, ...] = PrivateAttr(("state_machine",))

    @field_validator("node_type", mode="before")
    @classmethod
    def _kind(cls, value: object) -> object:
        if isinstance(value, str):
            upper = value.upper()
            if upper in set(EnumNodeKind):
                return upper
            for kind in EnumNodeKind:
                if kind in upper:
                    raise ValueError(f"{value!r} is not a node kind; did you mean {kind}?")
        raise ValueError(f"{value!r} is not a node kind; use one of {', '.join(EnumNodeKind)}")

    @field_validator("schema_version")
    @classmethod
    def _schema_is_known(cls, version: int) -> int:
        if version > SCHEMA_VERSION:
            raise ValueError(
                f"version {version} of the schema is newer than {SCHEMA_VERSION}, the newest that this onex "
                "reads; install a newer onex"
            )
        return version

    @model_validator(mode="after")
    def _parts_fit_the_kind(self) -> "ModelContract":
        problems = []
        if not self.name.endswith(f"_{self.node_type.lower()}"):
            problems.append(f"name {self.name!r} must end in _{self.node_type.lower()}")
        if self.state_machine:
            problems += self._machine_problems(self.state_machine)
        if self.workflow_coordination and self.node_type is not EnumNodeKind.ORCHESTRATOR:
            problems.append("workflow_coordination belongs to an ORCHESTRATOR")
        if self.io_operations and self.node_type is not EnumNodeKind.EFFECT:
            problems.append("io_operations belongs to an EFFECT")
        aggregated = self.handler_routing and any(item.aggregate for item in self.handler_routing.handlers)
        if aggregated and self.node_type is not EnumNodeKind.REDUCER:
            problems.append("handler_routing.handlers.aggregate belongs to a REDUCER")
        if self.node_type is not EnumNodeKind.EFFECT:
            unused = sorted(self.delivery.model_fields_set & {"ordering", "concurrency", "keep_answers"})
            problems += [
                f"delivery.{name} belongs to an EFFECT; pure kinds run in partition order and do nothing twice"
                for name in unused
            ]
            retried = sorted(
                self.error_handling.retry_policy.model_fields_set - {"retryable_exceptions", "retryable_error_codes"}
            )
            problems += [
                f"error_handling.retry_policy.{name} belongs to an EFFECT; a pure handler fails or does not"
                for name in retried
            ]
        if self.event_bus.sends_any_command and (
            self.node_type is not EnumNodeKind.ORCHESTRATOR or self.workflow_coordination
        ):
            problems.append("event_bus.sends_any_command belongs to an ORCHESTRATOR in code")
        if self.delivery.standby and not self.node_type.is_stateful:
            problems.append("delivery.standby belongs to a REDUCER or an ORCHESTRATOR; other kinds have no state")
        fenced = self.error_handling.dead_letter.order_fence
        if fenced and (self.node_type is not EnumNodeKind.EFFECT or self.delivery.ordering is not EnumOrdering.KEY):
            problems.append("error_handling.dead_letter.order_fence belongs to an EFFECT with delivery.ordering: key")
        methods = self.workflow_coordination.methods if self.workflow_coordination else self._handlers()
        problems += [
            f"{name!r} belongs to the node itself; give the method another name"
            for name in sorted(RESERVED_METHODS[self.node_type].intersection(methods))
        ]
        if self.workflow_coordination and self.handler_routing:
            problems.append("workflow_coordination already routes every message; remove handler_routing")
        if self.advanced_features:
            problems += self._duplicates(self.advanced_features)
        names = [listed.name for listed in self.mixins]
        problems += [f"mixins lists {name} twice" for name in sorted({n for n in names if names.count(n) > 1})]
        scheduled = [schedule.name for schedule in self.schedules]
        problems += [
            f"schedules has {name} twice" for name in sorted({n for n in scheduled if scheduled.count(n) > 1})
        ]
        routed = self.handler_routing or self.workflow_coordination
        if self.input_model and routed:
            problems.append("input_model is the short form; remove it or the routing")
        if self.output_model and not self.input_model:
            problems.append("output_model needs input_model")
        if not self.input_model and not routed:
            problems.append("nothing routes messages: write handler_routing, input_model or workflow_coordination")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _machine_problems(self, machine: ModelStateMachine) -> list[str]:
        if not self.node_type.is_stateful:
            return ["state_machine belongs to a REDUCER or an ORCHESTRATOR; other kinds have no state"]
        if self.workflow_coordination:
            words = "state_machine and workflow_coordination both lead the node"
            return [f"{words}; remove one: a workflow has the states of its steps, and conditions on them"]
        reserved = RESERVED_METHODS[self.node_type].intersection(machine.actions)
        problems = [f"action {name!r} belongs to the node itself; give it another name" for name in sorted(reserved)]
        handlers = sorted(set(machine.actions).intersection(self._handlers()))
        problems += [f"action {name!r} is the handler of a message; write a method for it" for name in handlers]
        return problems

    @property
    def topic_prefix(self) -> str:
        """Prefix of the node's topics and group. It is no key of the contract: :meth:`with_prefix` sets it."""
        return self._topic_prefix

    @property
    def machine_at(self) -> tuple[str | int, ...]:
        """Place of the state machine in the file: its key, or the configuration of ``MixinStateTransition``."""
        return self._machine_at

    def with_machine(self, machine: ModelStateMachine, at: tuple[str | int, ...]) -> "ModelContract":
        """Return the contract with the state machine that its file has at another place. Raise ValidationError."""
        ModelContract.model_validate({**dict(self), "state_machine": machine})
        changed = self.model_copy(update={"state_machine": machine})
        changed._machine_at = at
        return changed

    def with_prefix(self, prefix: str) -> "ModelContract":
        """Return the contract in an environment whose topics and groups begin with ``prefix``."""
        changed = self.model_copy(update={"event_bus": self.event_bus.with_prefix(prefix)})
        changed._topic_prefix = prefix
        return changed

    @property
    def handler_timeout(self) -> float:
        """Seconds one call of the handler may take."""
        default = _EFFECT_TIMEOUT if self.node_type is EnumNodeKind.EFFECT else _PURE_TIMEOUT
        return default if self.delivery.timeout is None else self.delivery.timeout

    @property
    def retry_policy(self) -> ModelRetryPolicy:
        """The retry policy, under either of its names."""
        features = self.advanced_features.retries() if self.advanced_features else None
        return features or self.error_handling.retry_policy

    @property
    def alert_threshold(self) -> int:
        """Dead letters in a day that raise an alert."""
        letters = self.advanced_features.dead_letter_queue if self.advanced_features else None
        return self.error_handling.dead_letter.alert_threshold if letters is None else letters.alert_threshold

    @property
    def otlp_endpoint(self) -> str:
        """OpenTelemetry collector, when the settings name none."""
        features = self.advanced_features.observability if self.advanced_features else None
        return features.tracing.endpoint if features and features.tracing else ""

    def messages_by_topic(self) -> dict[str, str]:
        """Return the message of each listed topic, for topics whose message ``definitions`` has.

        ``event_bus.topics`` names it, otherwise the name segment of the topic.
        """
        models = self.definitions.models if self.definitions else {}
        by_segment = {kebab(name): name for name in models}
        bus = self.event_bus
        bound, found = bus.bound, dict[str, str]()
        for topic in (*bus.subscribe_topics, *bus.publish_topics):
            names = bound.get(topic)
            # A topic with several messages has no message of its own.
            name = by_segment.get(TopicName.parse(topic).name, "") if names is None else names[0]
            if names is not None and len(names) > 1:
                continue
            if name in models:
                found[topic] = name
        return found

    def _handlers(self) -> list[str]:
        return [item.handler for item in self.handler_routing.handlers] if self.handler_routing else []

    def _duplicates(self, features: ModelAdvancedFeatures) -> list[str]:
        problems: list[str] = []
        letters = features.dead_letter_queue
        retried = [
            f"advanced_features.{name}"
            for name, is_declared in (
                ("retry_policy", features.retry_policy is not None),
                ("dead_letter_queue", letters is not None and letters.declares_retries),
            )
            if is_declared
        ]
        if retried and self.node_type is not EnumNodeKind.EFFECT:
            problems.append(f"{retried[0]} belongs to an EFFECT; a pure handler fails or does not")
        if "retry_policy" in self.error_handling.model_fields_set:
            retried.append("error_handling.retry_policy")
        if len(retried) > 1:
            problems.append(f"{retried[0]} repeats {retried[1]}; keep one")
        if letters and "alert_threshold" in self.error_handling.dead_letter.model_fields_set:
            problems.append("advanced_features.dead_letter_queue repeats error_handling.dead_letter; keep one")
        return problems

    @property
    def asked_capabilities(self) -> list[str]:
        """Class names and keys of the declared capabilities. They may repeat."""
        names = [listed.name for listed in self.mixins if listed.enabled] + [*self.subcontracts]
        features = self.advanced_features
        return names + ([mixin for _, mixin, _ in features.asked()] if features else [])

    @property
    def dead_letter_topic(self) -> str:
        """Topic of the node's dead letters."""
        if self.event_bus.dlq_topics:
            return self.event_bus.dlq_topics[0]
        return dead_letter_topic(self.name, self.contract_version.major, self._topic_prefix)

    @property
    def retry_topic(self) -> str:
        """Private input topic of the node."""
        return retry_topic(self.name, self.contract_version.major, self._topic_prefix)

    @property
    def changelog_topic(self) -> str:
        """Compacted topic of the node's keyed state, or of its idempotent results."""
        return changelog_topic(self.name, self.contract_version.major, self._topic_prefix)

    @property
    def checkpoint_topic(self) -> str:
        """Compacted topic with the checkpoints of the keyed state, of a node with MixinCheckpointManagement."""
        return checkpoint_topic(self.name, self.contract_version.major, self._topic_prefix)

    @property
    def has_changelog(self) -> bool:
        """Whether the node stores state or idempotent results."""
        return self.node_type.is_stateful or self.delivery.keep_answers is not None

    @property
    def cancel_topic(self) -> str:
        """Input topic of every declared workflow for cancel commands. It is not listed in the contract."""
        return cancel_topic(self.name, self.contract_version.major, self._topic_prefix)

    @property
    def repeated_topic(self) -> str:
        """Output topic of every declared workflow for replies to commands that come again after the end of a run."""
        return repeated_topic(self.name, self.contract_version.major, self._topic_prefix)

    def group(self, env: str) -> str:
        """Consumer group shared by all instances."""
        return consumer_group(env, self.name, self.contract_version.major, prefix=self._topic_prefix)
