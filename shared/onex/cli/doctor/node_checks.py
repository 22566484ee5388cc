"""Checks of nodes: dead letters, registrations, generated code."""

from collections.abc import Iterator

from onex.capability.composition import without_effect
from onex.cli.doctor.check import CheckContext, Finding, Severity
from onex.model.mesh import EnumHealth

_TESTS_CODE = "node_test_generator_effect"


def dead_letters(context: CheckContext) -> Iterator[Finding]:
    """Find nodes with more dead letters than the limit."""
    for view in context.views:
        if view.dead_letters > context.dead_letters:
            yield Finding(
                Severity.ERROR,
                "dead letters",
                f"{view.name} has {view.dead_letters}",
                f"`onex dlq list --node {view.name}` shows why; fix the cause, then `onex dlq replay`",
            )


def registrations(context: CheckContext) -> Iterator[Finding]:
    """Find nodes without a process, unhealthy processes, and processes of one version with different contracts."""
    if not any(view.instances for view in context.views):
        yield Finding(
            Severity.WARNING,
            "registrations",
            "the registry knows no active process",
            "run node_registry_orchestrator and node_registry_reducer to see instances and health",
        )
        return
    for view in context.views:
        if not view.instances:
            yield Finding(
                Severity.WARNING,
                "registrations",
                f"{view.name} is {view.state}",
                f"`onex run {view.name}` starts one",
            )
        for entry in view.instances:
            if entry.health in (EnumHealth.UNHEALTHY, EnumHealth.GONE):
                yield Finding(
                    Severity.ERROR,
                    "registrations",
                    f"{entry.node.node_id} is {entry.health}: {'; '.join(entry.reasons)}",
                    "see its log",
                )
        digests = {entry.node.registered.contract_digest for entry in view.instances}
        if len(digests) > 1:
            yield Finding(
                Severity.ERROR,
                "registrations",
                f"{view.name} {view.version} runs with {len(digests)} different contracts",
                "finish the roll-out, and give changed contracts a new version",
            )


def capabilities(context: CheckContext) -> Iterator[Finding]:
    """Find capabilities that change nothing on the kind of their node."""
    for node in context.nodes:
        for metadata in without_effect(node.node_class.capabilities, node.contract.node_type):
            yield Finding(
                Severity.WARNING,
                "capabilities",
                f"{metadata.name} has no effect on {node.contract.name}. {metadata.without_effect}",
                f"remove {metadata.name}, or make the call in an EFFECT",
            )


def sandbox(context: CheckContext) -> Iterator[Finding]:
    """Find generated code that is tested with the files and the network of its agent."""
    if context.settings.sandbox == "process" and any(n.contract.name == _TESTS_CODE for n in context.nodes):
        yield Finding(
            Severity.WARNING,
            "sandbox",
            f"{_TESTS_CODE} runs generated code as its own user, with its files and its network",
            "run it where Linux allows user namespaces, and unset ONEX_SANDBOX",
        )
