"""Messages of the lock."""

from datetime import datetime

from pydantic import Field

from onex.node import Message


class AcquireLock(Message, key="name"):
    """Lease ``name`` for ``ttl`` seconds. A second command of the owner returns a new token and a new expiry."""

    name: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    ttl: float = Field(gt=0, le=86_400)


class RenewLock(Message, key="name"):
    """Extend a lease to ``ttl`` seconds from now. Requires its current token."""

    name: str = Field(min_length=1)
    token: int
    ttl: float = Field(gt=0, le=86_400)


class ReleaseLock(Message, key="name"):
    """Release a lease. Requires its current token."""

    name: str = Field(min_length=1)
    token: int


class LockAcquired(Message):
    """The lease is acquired. Pass ``token`` to the guarded resource, which must refuse smaller tokens than before."""

    name: str
    owner: str
    token: int
    expires_at: datetime


class LockDenied(Message):
    """Another owner has the lease."""

    name: str
    holder: str
    expires_at: datetime


class LockRenewed(Message):
    """The lease is extended."""

    name: str
    token: int
    expires_at: datetime


class LockReleased(Message):
    """The lease is released."""

    name: str
    token: int


class LockLost(Message):
    """The lease has ended, and its token is invalid: stop acting on its behalf."""

    name: str
    token: int
