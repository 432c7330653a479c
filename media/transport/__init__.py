"""The UDP socket, STUN, ICE and DTLS."""
