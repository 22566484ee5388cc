"""What a failure of the Docker engine means for the message."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiodocker import DockerError
from aiodocker.exceptions import DockerStreamError
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ValidationError

from onex.errors import OutageError, RejectedError, TransientError
from onex.util.error_text import scrubbed

_UNREACHABLE: Final = 900
"""Status of aiodocker for an engine without a connection."""
DOCKER: Final = "docker"
"""Name of the health check of MixinDockerHealthCheck."""
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
DAMAGED: Final = (HttpProcessingError, KeyError, TypeError, ValueError)
"""aiohttp raises the first for a line above the limit, aiodocker the others for what it does not understand."""
_DETAIL_CHARACTERS: Final = 300
_CREDENTIALS: Final = re.compile(
    r"unauthorized|no basic auth credentials|authentication required|incorrect username or password", re.IGNORECASE
)
_AWAY: Final = re.compile(
    r"dial (tcp|unix)|connection refused|connection reset|no such host|i/o timeout|TLS handshake timeout"
    r"|Client\.Timeout|context deadline exceeded|unexpected EOF|: EOF$|no space left on device|toomanyrequests"
    r"|unexpected HTTP status: (5|429)|received unexpected HTTP status|too many requests|service unavailable"
    r"|unexpected status code \[[^\]]*\]: (5|429)|server gave HTTP response to HTTPS client|x509:",
    re.IGNORECASE,
)
_ABSENT: Final = re.compile(r"not found|manifest unknown|no such|does not exist|name unknown", re.IGNORECASE)


class _Problem(BaseModel):
    message: str


class NotFoundError(RejectedError):
    """The engine, or a registry, has no such container or image."""


class ConflictError(RejectedError):
    """A name is in use, or the state of the container does not allow the call."""


@asynccontextmanager
async def docker_failures(endpoint: object, subject: str, seconds: float | None = None) -> AsyncIterator[None]:
    """Turn failures of aiodocker into errors of the mesh. ``seconds`` is the time limit that the text names.

    An engine that is away or silent, a registry that is away or refuses the credentials, and a full disk raise
    OutageError: no message is at fault, and all wait.
    """
    try:
        yield
    except DockerStreamError as error:
        raise _of_text(subject, error.message) from error
    except DockerError as error:
        raise _of_status(endpoint, subject, error) from error
    except TimeoutError as error:
        limit = "" if seconds is None else f" within {seconds:g} s"
        words = f"Docker at {endpoint}: no reply{limit} ({subject})"
        raise OutageError(words, dependency=DOCKER) from error
    except (aiohttp.ClientError, OSError) as error:
        words = f"Docker at {endpoint}: {type(error).__name__} ({subject})"
        raise OutageError(words, dependency=DOCKER) from error
    except ValidationError as error:
        raise TransientError(f"Docker at {endpoint}: the reply is not understood ({subject})") from error
    except DAMAGED as error:
        raise TransientError(
            f"Docker at {endpoint}: a damaged reply, or a line above max_line_bytes ({subject})"
        ) from error


def _of_status(endpoint: object, subject: str, error: DockerError) -> Exception:
    detail = detail_of(error.message)
    match error.status:
        case 900:
            return OutageError(f"Docker at {endpoint}: no connection ({subject})", dependency=DOCKER)
        case 404:
            return NotFoundError(f"{subject}: {detail}")
        case 409:
            return ConflictError(f"{subject}: {detail}")
        case 401 | 403 | 429 | 503:
            return OutageError(f"Docker at {endpoint} refuses: {detail} ({subject})", dependency=DOCKER)
        case status if status >= 500:
            return _of_text(subject, error.message)
        case _:
            return RejectedError(f"{subject}: {detail}")


def _of_text(subject: str, text: str) -> Exception:
    """Return the error for a text of the engine: that of a registry, of a build or of the runtime."""
    detail = detail_of(text)
    if _CREDENTIALS.search(text):
        return OutageError(f"{subject}: the registry refuses the credentials; check image_management.registries")
    if _AWAY.search(text):
        return OutageError(f"{subject}: {detail}")
    if _ABSENT.search(text):
        return NotFoundError(f"{subject}: {detail}")
    return TransientError(f"{subject}: {detail}")


async def checked(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    """Return a response of a call that aiodocker does not have. Raise DockerError, as aiodocker does for its own."""
    if response.ok:
        return response
    text = await response.text()
    try:
        raise DockerError(response.status, _Problem.model_validate_json(text).message)
    except ValidationError:
        raise DockerError(response.status, text) from None


def detail_of(text: str) -> str:
    """Return a text of the engine on one line, within a limit and without credentials."""
    return scrubbed(" ".join(text.split()))[:_DETAIL_CHARACTERS]
