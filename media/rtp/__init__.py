"""RTP, RTCP, RTX and SRTP as bytes."""
