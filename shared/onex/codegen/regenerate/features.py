"""Attributes the logical lines of a node to features, by the names that its code uses."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final


class EnumFeature(StrEnum):
    """What a line of a node is for."""

    MESSAGES = "messages"
    """Classes in ``models/``."""
    LOGIC = "logic"
    """Handlers, and all that belongs to no other feature."""
    CIRCUIT_BREAKER = "circuit breaker"
    RETRY = "retry"
    TIMEOUT = "timeout"
    DEAD_LETTERS = "dead letters"
    HEALTH = "health"
    METRICS = "metrics"
    LOGGING = "logging"
    TRACING = "tracing"
    DATABASE = "database"
    VALIDATION = "validation"
    CACHING = "caching"
    RATE_LIMITING = "rate limiting"
    BULKHEAD = "bulkhead"
    HTTP = "http"
    SECURITY = "security"
    KAFKA = "kafka"


_WORDS: Final[Mapping[EnumFeature, frozenset[str]]] = {
    EnumFeature.CIRCUIT_BREAKER: frozenset({"breaker", "circuit", "circuits"}),
    EnumFeature.RETRY: frozenset({"attempt", "attempts", "backoff", "retries", "retry", "retrying"}),
    EnumFeature.DEAD_LETTERS: frozenset({"dlq", "dead", "letters", "letter"}),
    EnumFeature.HEALTH: frozenset({"health", "healthy", "liveness", "readiness", "probe", "unhealthy"}),
    EnumFeature.METRICS: frozenset(
        {"counter", "counters", "histogram", "latencies", "metric", "metrics", "percentile"}
    ),
    EnumFeature.LOGGING: frozenset({"log", "logger", "logging", "logs", "structlog"}),
    EnumFeature.TRACING: frozenset({"span", "tracer", "tracing"}),
    EnumFeature.VALIDATION: frozenset({"sanitize", "validate", "validated", "validates", "validation", "validator"}),
    EnumFeature.SECURITY: frozenset({"authentication", "authorization", "encryption", "redact", "secret", "secrets"}),
    EnumFeature.CACHING: frozenset({"cache", "cached", "caching"}),
    EnumFeature.RATE_LIMITING: frozenset({"limiter", "throttle", "throttled"}),
    EnumFeature.BULKHEAD: frozenset({"bulkhead", "semaphore"}),
    EnumFeature.HTTP: frozenset({"http", "httpx"}),
    EnumFeature.TIMEOUT: frozenset({"timeout", "timeouts"}),
    EnumFeature.KAFKA: frozenset({"kafka", "producer"}),
    EnumFeature.DATABASE: frozenset(
        {
            "acquire",
            "connection",
            "database",
            "execute",
            "fetch",
            "fetchrow",
            "fetchval",
            "pool",
            "sql",
            "transaction",
        }
    ),
}
"""Words in names, by feature. The first feature in this order counts."""
_MIXINS: Final[Mapping[str, EnumFeature]] = {
    "AuditLog": EnumFeature.LOGGING,
    "Authentication": EnumFeature.SECURITY,
    "Authorization": EnumFeature.SECURITY,
    "Bulkhead": EnumFeature.BULKHEAD,
    "Caching": EnumFeature.CACHING,
    "CircuitBreaker": EnumFeature.CIRCUIT_BREAKER,
    "Database": EnumFeature.DATABASE,
    "Encryption": EnumFeature.SECURITY,
    "HealthCheck": EnumFeature.HEALTH,
    "HttpClient": EnumFeature.HTTP,
    "KafkaConfiguration": EnumFeature.KAFKA,
    "KafkaHealthCheck": EnumFeature.HEALTH,
    "Logging": EnumFeature.LOGGING,
    "Metrics": EnumFeature.METRICS,
    "RateLimiting": EnumFeature.RATE_LIMITING,
    "Retry": EnumFeature.RETRY,
    "SecureStorage": EnumFeature.SECURITY,
    "Security": EnumFeature.VALIDATION,
    "Timeout": EnumFeature.TIMEOUT,
    "Tracing": EnumFeature.TRACING,
    "Transactions": EnumFeature.DATABASE,
    "Validation": EnumFeature.VALIDATION,
    "Webhook": EnumFeature.HTTP,
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CLAUSES = (ast.ExceptHandler, ast.match_case)


def feature_of_mixin(name: str) -> EnumFeature | None:
    """Return the feature of a mixin class, or None for one without lines of that kind."""
    return _MIXINS.get(name.removeprefix("Mixin"))


def feature_of(names: Iterable[str]) -> EnumFeature | None:
    """Return the first feature that one of the names has a word of."""
    words = {word.lower() for name in names for word in _WORD.findall(name)}
    return next((feature for feature, own in _WORDS.items() if own & words), None)


def lines_by_feature(files: Mapping[str, str], handlers: frozenset[str]) -> Mapping[EnumFeature, int]:
    """Return the number of logical lines of a node by feature.

    A logical line is a statement, the head of a block, or a clause of it; imports, docstrings, comments and tests are
    none. A class other than the node's own, and a function other than a handler, belongs to the feature that its name
    names. Any other statement belongs to the feature that the names in it name, and otherwise to LOGIC.
    Raise SyntaxError for a file that is no Python.
    """
    counts: Counter[EnumFeature] = Counter()
    for path, text in files.items():
        name = path.rpartition("/")[2]
        if not path.endswith(".py") or name.startswith("test_") or name == "conftest.py":
            continue
        inside = EnumFeature.MESSAGES if "models" in path.split("/")[:-1] else None
        counts.update(_features(ast.parse(text).body, inside, handlers))
    return {feature: counts[feature] for feature in EnumFeature if counts[feature]}


def _features(body: Sequence[ast.AST], inside: EnumFeature | None, handlers: frozenset[str]) -> Iterator[EnumFeature]:
    """Yield the feature of each logical line."""
    for index, node in enumerate(body):
        if isinstance(node, ast.Import | ast.ImportFrom) or (index == 0 and _is_docstring(node)):
            continue
        feature = inside or _feature(node, handlers)
        yield feature or EnumFeature.LOGIC
        is_whole = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and feature is not None
        for block in _blocks(node):
            yield from _features(block, feature if is_whole else inside, handlers)


def _feature(node: ast.AST, handlers: frozenset[str]) -> EnumFeature | None:
    match node:
        case ast.ClassDef() if _is_node(node):
            return None
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name in handlers:
            return None
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return feature_of([name])
        case _:
            return feature_of(_names_of(node))


def _names_of(node: ast.AST) -> Iterator[str]:
    """Yield the names in a statement, without those in the statements that it contains."""
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        current = waiting.pop()
        if isinstance(current, (ast.stmt, *_CLAUSES)):
            continue
        match current:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield name
            case _:
                pass
        waiting += ast.iter_child_nodes(current)


def _blocks(node: ast.AST) -> Iterator[Sequence[ast.AST]]:
    """Yield the blocks of a compound statement, and its clauses."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def _is_node(node: ast.ClassDef) -> bool:
    names = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
    return any(isinstance(base, ast.Name) and base.id.startswith("Node") for base in names)


def _is_docstring(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case _:
            return False
