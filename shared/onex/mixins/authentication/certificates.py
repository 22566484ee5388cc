"""Client certificates: whether an authority vouches for one, and for whom."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from onex.errors import AccessDeniedError, CompositionError
from onex.mixins.authentication.protocol_authentication import Principal
from onex.util.clock import ProtocolClock

_NAMES = (x509.UniformResourceIdentifier, x509.DNSName, x509.RFC822Name)


def identify(trusted_ca: str, certificate: bytes, clock: ProtocolClock) -> Principal:
    """See :meth:`ProtocolAuthentication.identify`."""
    if not trusted_ca:
        raise CompositionError("no authority is trusted; give MixinAuthentication `trusted_ca` in the contract")
    store = Store(x509.load_pem_x509_certificates(Path(trusted_ca).read_bytes()))
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    try:
        leaf, *between = x509.load_pem_x509_certificates(certificate)
        PolicyBuilder().store(store).time(now).build_client_verifier().verify(leaf, between)
    except (VerificationError, ValueError) as error:
        raise AccessDeniedError(f"the client certificate is not accepted: {error}") from None
    return Principal(_subject(leaf), issuer=leaf.issuer.rfc4514_string())


def _subject(leaf: x509.Certificate) -> str:
    """Where a certificate has an alternative name, as those that are accepted have, it is the first URI, DNS name or
    address of mail; else the common name."""
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for kind in _NAMES:
        if found := names.get_values_for_type(kind):
            return str(found[0])
    common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else leaf.subject.rfc4514_string()
