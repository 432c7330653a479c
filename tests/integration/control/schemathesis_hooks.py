"""For test_schemathesis.py, loaded by Schemathesis itself: how to send the bodies that it does not know."""

import schemathesis
from schemathesis import SerializationContext


@schemathesis.serializer("application/sdp", "application/trickle-ice-sdpfrag")
def as_it_is(_: SerializationContext, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")
