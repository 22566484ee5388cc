"""Translates errors of librdkafka into errors of :mod:`onex.errors`. All modules of this folder use it."""

from confluent_kafka import KafkaError, KafkaException

from onex.errors import (
    BusError,
    BusUnavailableError,
    FencedError,
    MessageTooLargeError,
    MissingTopicError,
    NotAuthorizedError,
    TransactionAbortedError,
)

_MISSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.UNKNOWN_TOPIC_ID,
}
_DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
}
_FENCED = {
    KafkaError._FENCED,
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.FENCED_INSTANCE_ID,
}
_TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}


def to_bus_error(error: KafkaError, doing: str) -> BusError:
    """Return the error of :mod:`onex.errors` by which a caller decides what to do."""
    text = f"{doing}: {error.str()} ({error.name()})"
    code = error.code()
    if code in _FENCED:
        return FencedError(text)
    if code in _MISSING:
        return MissingTopicError(f"{text}; `onex apply` creates declared topics")
    if code in _DENIED:
        return NotAuthorizedError(text)
    if code in _TOO_LARGE:
        return MessageTooLargeError(text)
    if error.txn_requires_abort():
        return TransactionAbortedError(text)
    return BusUnavailableError(text)


def error_of(raised: object) -> KafkaError | None:
    """Return the KafkaError in what confluent-kafka raised; None where there is none.

    A fatal error that is pending while a delivery callback runs surfaces as SystemError, and the KafkaException is
    its cause.
    """
    match raised:
        case KafkaError():
            return raised
        case KafkaException(args=(KafkaError() as error, *_)):
            return error
        case SystemError(__cause__=BaseException() as cause):
            return error_of(cause)
        case _:
            return None


def translate(raised: object, doing: str) -> BusError:
    """Return the bus error for anything that confluent-kafka raised; see :func:`to_bus_error`."""
    error = error_of(raised)
    return to_bus_error(error, doing) if error else BusUnavailableError(f"{doing}: {raised!r}")
