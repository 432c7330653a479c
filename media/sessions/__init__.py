"""One client's ICE, DTLS and SRTP."""
