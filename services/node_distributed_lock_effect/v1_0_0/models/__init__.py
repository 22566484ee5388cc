"""Messages of the lock."""

from datetime import datetime

from pydantic import Field

from onex.node import Message


class AcquireLock(Message, key="name"):
    """Lease ``name`` for ``ttl`` seconds. Asked again by its owner, it gives a new token and a new end."""

    name: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    ttl: float = Field(gt=0, le=86_400)


class RenewLock(Message, key="name"):
    """Keep a lease for ``ttl`` seconds more; only with its current token."""

    name: str = Field(min_length=1)
    token: int
    ttl: float = Field(gt=0, le=86_400)


class ReleaseLock(Message, key="name"):
    """Give a lease back; only with its current token."""

    name: str = Field(min_length=1)
    token: int


class LockAcquired(Message):
    """The lease is yours. Hand ``token`` to what you guard: it must refuse smaller ones than it has seen."""

    name: str
    owner: str
    token: int
    expires_at: datetime


class LockDenied(Message):
    """Somebody else holds it."""

    name: str
    holder: str
    expires_at: datetime


class LockRenewed(Message):
    """It is yours for longer."""

    name: str
    token: int
    expires_at: datetime


class LockReleased(Message):
    """It is free."""

    name: str
    token: int


class LockLost(Message):
    """The lease ended, and with it the token: act no more on its behalf."""

    name: str
    token: int
