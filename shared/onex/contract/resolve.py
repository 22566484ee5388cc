"""From the path of a contract to a :class:`ResolvedNode`."""

from pathlib import Path

from pydantic import ValidationError

from onex.contract.capabilities import compose
from onex.contract.check_bound_topics import check_bound_topics
from onex.contract.check_fsm import check_state_machine
from onex.contract.check_models import check_definitions, check_models
from onex.contract.checker import Checker
from onex.contract.features import features_of
from onex.contract.import_node import check_dependencies, import_models, import_node_class
from onex.contract.language import missing_capabilities
from onex.contract.load import FILE_NAME, read_contract
from onex.contract.resolved import ResolvedNode, routes_by_topic, triggers_of
from onex.contract.routes import cancel_routes, outputs_of, repeated_outputs, routes_of
from onex.contract.schedules import check_schedules
from onex.contract.variables import Environment
from onex.contract.view_delivery import with_view_delivery
from onex.node import NodeConfig


def resolve_node(path: Path, prefix: str = "", *, environment: Environment | None = None) -> ResolvedNode:
    """Load, import and check the node in ``path``, a folder or contract file. Raise ContractError with all problems.

    ``prefix`` is the setting ``topic_prefix``: the result has the names of topics as they are in the cluster.
    ``environment`` fills ``${VAR}``: pass it where the node runs. Without it the node is checked with the defaults,
    and :func:`onex.contract.create_node` refuses a node with variables that have none.
    """
    resolved = _resolve(path, environment)
    return resolved.with_prefix(prefix) if prefix else resolved


def _resolve(path: Path, environment: Environment | None) -> ResolvedNode:
    contract, variables = read_contract(path, environment)
    checker = Checker(variables)
    folder = variables.file.parent.resolve()
    models = import_models(folder, contract, checker)
    node_class = import_node_class(folder, contract, checker)
    check_dependencies(contract, checker)
    checker.raise_if_any()
    checker.use(models, contract.event_bus.bound)
    check_models(models, checker)
    if contract.definitions is not None:
        check_definitions(contract.definitions, models, checker)
    node_class, subcontracts = compose(contract, node_class, checker)
    contract = with_view_delivery(contract, node_class, subcontracts, checker)
    features = features_of(contract, checker)
    for at, message, remedy in missing_capabilities(contract, node_class.capabilities.names):
        checker.add(at, message, remedy)
    routes = routes_of(contract, node_class, checker)
    outputs = outputs_of(contract, checker)
    check_bound_topics(contract, models, checker)
    check_schedules(contract, node_class, routes, checker)
    checker.outputs_are_published(routes, outputs, node_class)
    config = NodeConfig()
    try:
        config = node_class.Config.model_validate(contract.config)
    except ValidationError as error:
        checker.refuse(error, node_class.Config, ("config",))
    checker.raise_if_any()
    state = checker.state_model(node_class) if contract.workflow_coordination is None else None
    if contract.state_machine and state:
        check_state_machine(contract, node_class, state, triggers_of(contract, routes), checker)
    checker.exceptions_exist(contract)
    checker.raise_if_any()
    return ResolvedNode(
        contract,
        folder,
        node_class,
        config,
        routes_by_topic([*routes, *cancel_routes(contract)]),
        {**outputs, **repeated_outputs(contract)},
        state,
        models,
        subcontracts,
        features,
        frozenset(variables.open.values()),
        environment,
    )


def earlier_versions(resolved: ResolvedNode) -> list[ResolvedNode]:
    """Return the other versions of the same major whose folders have the same parent. Raise ContractError."""
    versions: list[ResolvedNode] = []
    version = resolved.contract.contract_version
    for file in sorted(resolved.folder.parent.glob(f"v{version.major}_*/{FILE_NAME}")):
        if file.parent != resolved.folder:
            prefix, environment = resolved.contract.topic_prefix, resolved.environment
            versions.append(resolve_node(file.parent, prefix, environment=environment))
    return versions
