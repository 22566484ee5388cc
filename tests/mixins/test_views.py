"""Views: ONEX names that share the engine of another capability, and the merging of their settings."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onex.capability import Mixin, ProtocolHost, Subcontract, capability, configured, define_view, shared_engine
from onex.capability.composition import Composition
from onex.capability.host import views_of
from onex.capability.mixin import Definition, View
from onex.capability.view import engine_of, merged
from onex.codegen.capability_fields import fields_of
from onex.contract import resolve_node
from onex.contract.create_node import create_node
from onex.errors import CompositionError, ContractError
from onex.mixins.bulkhead import MixinBulkhead, ModelBulkheadSubcontract
from onex.mixins.canonical_serialization import MixinCanonicalSerialization, ModelCanonicalSerializationSubcontract
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.distributed_tracing import MixinDistributedTracing, ModelDistributedTracingSubcontract
from onex.mixins.hash_computation import MixinHashComputation, ModelHashComputationSubcontract
from onex.mixins.log_data import MixinLogData
from onex.mixins.serialization import MixinSerialization, ModelSerializationSubcontract
from onex.mixins.service import MixinDependencyResolver, create_service_with_capabilities, with_mixins
from onex.mixins.tool_execution import MixinToolExecution
from onex.mixins.tracing import MixinTracing, ModelTracingSubcontract, ProtocolTracing
from onex.mixins.yaml_serialization import MixinYAMLSerialization, ModelYAMLSerializationSubcontract
from onex.model.enums import EnumNodeKind
from onex.node import NodeCompute, NodeEffect
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

VAULT = NODES / "node_vault_effect" / "v1_0_0"
TEXT = (VAULT / "contract.yaml").read_text()
VIEWS = list(CATALOGUE.views())
every = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.definition.metadata.key)


def changed(*lines: str) -> str:
    """Return the contract of the vault with further lines in ``subcontracts``."""
    return TEXT.replace("subcontracts:\n", "subcontracts:\n" + "".join(f"  {line}\n" for line in lines))


def serializer(*bases: type[Mixin], settings: tuple[Subcontract, ...] = ()) -> ModelSerializationSubcontract:
    """Return the configuration of the one serializer of a node with these capabilities."""
    node = with_mixins(NodeEffect, bases)()
    for each in settings:
        node.container.registry.value(type(each), each)
    return configured(node, ModelSerializationSubcontract)


@every
def test_its_folder_has_no_engine(view: type[Mixin]) -> None:
    key = view.definition.metadata.key
    folder = Path(vars(__import__("sys").modules[view.__module__])["__file__"]).parent
    names = {file.name for file in folder.iterdir() if file.is_file()}
    assert folder.name == key
    assert names == {"__init__.py", "metadata.yaml", f"mixin_{key}.py", f"model_{key}_subcontract.py"}


@every
def test_it_has_the_engine_and_the_kinds_of_its_capability(view: type[Mixin]) -> None:
    definition = view.definition
    engine = CATALOGUE.mixin(definition.metadata.view_of)
    whole = engine.definition.metadata
    assert engine_of(definition) is engine.definition
    assert definition.metadata.accessor == whole.accessor
    assert definition.view is not None
    assert definition.view.delivery or {*definition.metadata.kinds} <= {*whole.kinds}
    assert definition.metadata.version == definition.subcontract.INTERFACE_VERSION
    assert {*whole.requires} <= {*definition.metadata.requires}
    assert CATALOGUE.of_key(definition.metadata.key) is view


@every
def test_its_metadata_says_when_to_use_it_and_what_overlaps(view: type[Mixin]) -> None:
    metadata = view.definition.metadata
    assert metadata.when_to_use.endswith(".")
    assert metadata.view_of in metadata.overlaps
    assert all(difference.endswith(".") for difference in metadata.overlaps.values())
    assert all(meaning for _, meaning in fields_of(view))


@every
def test_without_a_set_field_it_sets_only_what_its_name_says(view: type[Mixin]) -> None:
    definition = view.definition
    assert definition.view is not None
    implied = definition.view.settings(definition.subcontract())
    whole = engine_of(definition).subcontract.model_validate(dict(implied))
    assert whole.model_fields_set == {*implied}


VALUES: Mapping[str, tuple[object, str, object]] = {
    "canonical_serialization.enable_unicode": (False, "enable_unicode", False),
    "canonical_serialization.serialization_format": ("json", "serialization_format", "json"),
    "distributed_tracing.enabled": (False, "enabled", False),
    "distributed_tracing.record_exceptions": (False, "record_exceptions", False),
    "distributed_tracing.sampling_rate": (0.25, "sample_share", 0.25),
    "fail_fast.enable_fail_fast": (False, "enable_fail_fast", False),
    "fail_fast.max_validation_errors": (3, "max_validation_errors", 3),
    "hash_computation.hash_algorithm": ("sha512", "digest_algorithm", "sha512"),
    "log_data.include_correlation_id": (False, "enable_correlation_tracking", False),
    "log_data.log_level": ("ERROR", "log_level", "ERROR"),
    "log_data.redact_sensitive_fields": (False, "enable_log_redaction", False),
    "redaction.enable_redaction": (False, "enable_redaction", False),
    "redaction.sensitive_field_patterns": (("iban",), "sensitive_field_patterns", ("iban",)),
    "tool_execution.max_concurrent_tools": (2, "max_concurrent_handlers", 2),
    "tool_execution.tool_timeout_ms": (1_500, "handler_timeout_ms", 1_500),
    "yaml_serialization.canonical": (False, "enable_canonical_mode", False),
    "yaml_serialization.indent_size": (4, "indent_size", 4),
    "yaml_serialization.line_width": (90, "line_width", 90),
    "yaml_serialization.sort_keys": (False, "sort_keys", False),
}


@pytest.mark.enforces(
    "canonical_serialization.enable_unicode",
    "canonical_serialization.serialization_format",
    "distributed_tracing.enabled",
    "distributed_tracing.record_exceptions",
    "distributed_tracing.sampling_rate",
    "fail_fast.enable_fail_fast",
    "fail_fast.max_validation_errors",
    "hash_computation.hash_algorithm",
    "log_data.include_correlation_id",
    "log_data.log_level",
    "log_data.redact_sensitive_fields",
    "redaction.enable_redaction",
    "redaction.sensitive_field_patterns",
    "tool_execution.max_concurrent_tools",
    "tool_execution.tool_timeout_ms",
    "yaml_serialization.canonical",
    "yaml_serialization.indent_size",
    "yaml_serialization.line_width",
    "yaml_serialization.sort_keys",
)
@pytest.mark.parametrize("field", VALUES)
def test_a_field_of_a_view_configures_the_engine(field: str) -> None:
    key, _, name = field.partition(".")
    value, target, expected = VALUES[field]
    view = CATALOGUE.of_key(key)
    assert view is not None
    definition = view.definition
    node = with_mixins(NodeEffect, [view])()
    settings = definition.subcontract.model_validate({name: value})
    assert getattr(settings, name) != getattr(definition.subcontract(), name), "a default would show nothing"
    node.container.registry.value(definition.subcontract, settings)
    assert getattr(configured(node, engine_of(definition).subcontract), target) == expected


@pytest.mark.parametrize("bases", [(MixinTracing, MixinDistributedTracing), (MixinDistributedTracing, MixinTracing)])
def test_a_view_and_its_capability_have_one_engine_in_any_order(bases: tuple[type[Mixin], ...]) -> None:
    node_class = with_mixins(NodeEffect, bases)
    assert [metadata.name for metadata in node_class.capabilities.start] == ["MixinTracing"]
    assert node_class.capabilities.names == {"MixinTracing", "MixinDistributedTracing"}
    node = node_class()
    engine = Composition(node).engine(MixinTracing.definition.metadata)
    assert vars(node)["tracing"] is engine
    assert type(engine) is type(
        Composition(with_mixins(NodeEffect, [MixinTracing])()).engine(MixinTracing.definition.metadata)
    )


def test_several_views_of_one_engine_merge_and_unset_fields_override_nothing() -> None:
    settings = (
        ModelSerializationSubcontract(max_text_bytes=100),
        ModelCanonicalSerializationSubcontract(),
        ModelHashComputationSubcontract.model_validate({"hash_algorithm": "blake2b"}),
        ModelYAMLSerializationSubcontract(line_width=99),
    )
    views = (MixinCanonicalSerialization, MixinHashComputation, MixinYAMLSerialization)
    whole = serializer(*views, settings=settings)
    assert whole.model_dump(mode="json", exclude_unset=True) == {
        "enable_canonical_mode": True,
        "digest_algorithm": "blake2b",
        "serialization_format": "yaml",
        "line_width": 99,
        "max_text_bytes": 100,
    }
    assert serializer(MixinHashComputation) == ModelSerializationSubcontract()
    assert serializer(MixinSerialization, settings=settings[1:]) == ModelSerializationSubcontract()


def test_different_values_name_both_fields() -> None:
    views = (MixinCanonicalSerialization, MixinYAMLSerialization)
    json_form = ModelCanonicalSerializationSubcontract.model_validate({"serialization_format": "json"})
    with pytest.raises(CompositionError) as refused:
        serializer(*views, settings=(json_form,))
    assert str(refused.value) == (
        "MixinYAMLSerialization itself and canonical_serialization.serialization_format set different values of "
        "serialization.serialization_format; keep one of the two"
    )
    with pytest.raises(CompositionError, match=r"yaml_serialization\.sort_keys and serialization\.sort_keys set"):
        serializer(
            MixinYAMLSerialization,
            settings=(
                ModelYAMLSerializationSubcontract(sort_keys=False),
                ModelSerializationSubcontract(sort_keys=True),
            ),
        )


def test_values_that_do_not_fit_together_are_refused_without_the_values() -> None:
    definition = define_view_of_bulkhead({"max_waiting": -5})
    with pytest.raises(CompositionError) as refused:
        merged(MixinBulkhead.definition, None, [(definition, definition.subcontract())], ModelBulkheadSubcontract)
    assert "the settings of MixinHashComputation do not fit together: ModelBulkheadSubcontract: max_waiting" in str(
        refused.value
    )
    assert "-5" not in str(refused.value)


def define_view_of_bulkhead(values: Mapping[str, object]) -> Definition:
    """Return a definition whose name alone sets these fields of a bulkhead."""
    return replace(MixinHashComputation.definition, view=View(MixinBulkhead, lambda _: values))


def test_a_list_and_a_tuple_of_the_same_items_are_one_value() -> None:
    definition = define_view_of_bulkhead({"services": []})
    own = ModelBulkheadSubcontract(services=())
    settings = [(definition, definition.subcontract())]
    assert merged(MixinBulkhead.definition, own, settings, ModelBulkheadSubcontract) == own


def test_a_setting_without_a_field_of_its_own_names_the_view() -> None:
    """A function that looks at values instead of set fields cannot be traced to a field."""

    def two_fields(settings: ModelDistributedTracingSubcontract) -> Mapping[str, object]:
        both = {"enabled", "sampling_rate"} <= settings.model_fields_set
        return {"max_attribute_length": 99} if both else {}

    view = replace(MixinDistributedTracing.definition, view=View(MixinTracing, two_fields))  # type: ignore[arg-type]
    settings = ModelDistributedTracingSubcontract(enabled=True, sampling_rate=1)
    own = ModelTracingSubcontract(max_attribute_length=50)
    with pytest.raises(CompositionError, match="^distributed_tracing and tracing.max_attribute_length set different"):
        merged(MixinTracing.definition, own, [(view, settings)], ModelTracingSubcontract)


@given(st.sets(st.sampled_from(["enabled", "sampling_rate", "record_exceptions"])))
def test_only_set_fields_reach_the_engine(names: set[str]) -> None:
    values = {"enabled": False, "sampling_rate": 0.5, "record_exceptions": False}
    settings = ModelDistributedTracingSubcontract.model_validate({name: values[name] for name in names})
    views = [(MixinDistributedTracing.definition, settings)]
    whole = merged(MixinTracing.definition, None, views, ModelTracingSubcontract)
    assert len(whole.model_fields_set) == len(names)


def test_a_contract_configures_a_view_and_the_engine_has_its_values() -> None:
    text = changed("distributed_tracing: {sampling_rate: 0.5}", "tracing: {max_attribute_length: 50}")
    with contract_file(VAULT, text) as file:
        resolved = resolve_node(file)
    expected = ModelTracingSubcontract(sample_share=0.5, max_attribute_length=50)
    assert resolved.subcontracts[ModelTracingSubcontract] == expected
    node = create_node(resolved)
    assert configured(node, ModelTracingSubcontract) == expected
    assert "MixinDistributedTracing" in resolved.node_class.capabilities.names


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            ("distributed_tracing: {sampling_rate: 0.5}", "tracing: {sample_share: 0.1}"),
            "subcontracts.distributed_tracing: distributed_tracing.sampling_rate and tracing.sample_share set",
        ),
        (
            ("distributed_tracing: {sampling_rate: 5}",),
            "subcontracts.distributed_tracing.sampling_rate: Input should be less than or equal to 1",
        ),
        (
            ("distributed_tracing: {sample_rate: 1}",),
            "subcontracts.distributed_tracing.sample_rate: unknown key; did you mean `sampling_rate`?",
        ),
    ],
)
def test_problems_have_their_place(lines: tuple[str, ...], words: str) -> None:
    with contract_file(VAULT, changed(*lines)) as file, pytest.raises(ContractError) as refused:
        resolve_node(file)
    assert words in str(refused.value)
    assert f"{file.name}:16:" in str(refused.value)


def test_a_view_of_an_effect_is_refused_in_other_kinds() -> None:
    assert MixinToolExecution.definition.metadata.kinds == (EnumNodeKind.EFFECT,)
    with pytest.raises(CompositionError, match=r"Mixin\w+ cannot join a node of kind COMPUTE"):
        with_mixins(NodeCompute, [MixinToolExecution])


def test_programs_compose_views_by_name_and_key() -> None:
    made = create_service_with_capabilities(NodeCompute, None, ["log_data", "MixinFailFast"])
    assert made.capabilities.names == {"MixinFailFast", "MixinValidation", "MixinLogData", "MixinLogging"}
    assert MixinDependencyResolver().resolve_dependencies([MixinLogData]) == [MixinLogData]
    with_engine = create_service_with_capabilities(with_mixins(NodeCompute, [MixinLogData]), None, ["logging"])
    assert with_engine.capabilities.names == {"MixinLogData", "MixinLogging"}


def test_a_view_is_of_a_capability_that_it_names() -> None:
    file = str(Path(__file__).parents[2] / "shared/onex/mixins/hash_computation/mixin_hash_computation.py")
    model = ModelHashComputationSubcontract
    with pytest.raises(
        CompositionError, match="its metadata.yaml names MixinSerialization, and its engine is MixinTr"
    ):
        define_view(file, model, MixinTracing, lambda _: {})
    with pytest.raises(CompositionError, match="is a view of MixinLogData, which is a view; name the capability"):
        define_view(file, model, MixinLogData, lambda _: {})


def test_a_view_with_another_accessor_is_no_class() -> None:
    definition = MixinDistributedTracing.definition
    metadata = definition.metadata.model_copy(update={"name": "MixinOther", "accessor": "other"})

    def other(self: ProtocolHost) -> ProtocolTracing:
        return shared_engine(self, MixinTracing, ProtocolTracing)

    with pytest.raises(CompositionError, match="MixinOther is a view of MixinTracing, and has another accessor"):
        type(
            "MixinOther", (Mixin,), {"definition": replace(definition, metadata=metadata), "other": capability(other)}
        )


def test_what_is_no_node_has_no_views() -> None:
    assert views_of(object()) == ()
