"""Reads and writes Avro's decimal exactly: the unscaled integer in two's complement, never rounded.

The default context of ``decimal`` rounds to 28 digits. This module calculates with integers of a limited length.
"""

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache

from onex.errors import RejectedError

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation])


@lru_cache(maxsize=1000)
def size_of(precision: int) -> int:
    """Return the size in bytes of the longest unscaled value with ``precision`` digits."""
    return int(10**precision - 1).bit_length() // 8 + 1


def read_decimal(raw: bytes, precision: int, scale: int, place: str) -> Decimal:
    """Return the Decimal of unscaled bytes.

    Raise RejectedError, with ``place``, for more digits than the precision. The length is checked first, because the
    time for converting bytes to digits grows with the square of their number.
    """
    if len(raw) > size_of(precision):
        raise RejectedError(f"{place}: {len(raw)} bytes do not fit decimal({precision}, {scale})")
    number = int.from_bytes(raw, "big", signed=True)
    if abs(number) >= 10**precision:
        raise RejectedError(f"{place}: more than {precision} digits do not fit decimal({precision}, {scale})")
    return Decimal(number).scaleb(-scale, _EXACT)


def write_decimal(value: Decimal, precision: int, scale: int) -> bytes:
    """Return the unscaled bytes of a Decimal. Raise ValueError for one that does not fit exactly."""
    if not value.is_finite():
        raise ValueError(f"a number that is not finite does not fit decimal({precision}, {scale})")
    # Digits before the decimal point are counted first: 1E+999999 is short until it is written out.
    if value and value.adjusted() + scale >= precision:
        raise ValueError(f"too many digits for decimal({precision}, {scale})")
    unscaled = value.scaleb(scale, _EXACT) if value else Decimal(0)
    number = int(unscaled)
    if number != unscaled:
        raise ValueError(f"too many decimal places for decimal({precision}, {scale})")
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
