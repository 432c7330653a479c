"""The media worker: sessions, relay and recording.

A folder imports only from floors below its own. docs/architecture.md describes each folder.

9  worker       the process: composition, RPC, directory, time, metrics
8  relay        one room over many workers
7  rooms        who publishes, who watches, who succeeds a publisher
6  sessions     one client's ICE, DTLS and SRTP
5  feedback     RTCP with publishers and viewers
4  switch       the hot path: packets from one source to many viewers
   recording    packets to files, and files to the store
3  tracks       all that is known of one track
2  negotiation  from an offer to an answer
   transport    the UDP socket, STUN, ICE and DTLS
1  payload      what is inside an RTP payload, one file for each codec
   rtp          RTP, RTCP, RTX and SRTP as bytes
   counts.py    plain counts, which the metrics read
"""
