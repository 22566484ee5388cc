"""HTTP services that a node calls."""

from onex.mixins.http_client.mixin_http_client import MixinHttpClient
from onex.mixins.http_client.model_http_client_subcontract import ModelHttpClientSubcontract, ModelHttpService
from onex.mixins.http_client.protocol_http_client import ProtocolHttpClient
from onex.mixins.http_client.response import HttpResponse

__all__ = ["HttpResponse", "MixinHttpClient", "ModelHttpClientSubcontract", "ModelHttpService", "ProtocolHttpClient"]
