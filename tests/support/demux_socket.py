"""One socket's demux, and clients at it whose checks are made by aioice."""

from dataclasses import dataclass, field
from typing import cast

from aioice import stun as other_stun

from media.sessions.demux import Demux
from media.sessions.session import Session
from media.switch.feed import Feed
from media.transport.address import Address
from media.transport.ice import CheckResult, Credentials, IceLite, new_credentials
from media.transport.stun import BindingRequest

HOME: Address = ("192.0.2.1", 5000)
OTHER: Address = ("192.0.2.2", 5000)
SERVER: Address = ("192.0.2.3", 3478)  # a STUN server that the worker has asked
REMOTE = "peer"  # the client's ufrag


@dataclass(eq=False)
class Endpoint:
    """What the demux sees of a session: its real ICE agent, and where its datagrams go."""

    local: Credentials = field(default_factory=new_credentials)
    feed: Feed | None = None
    dtls: list[bytes] = field(default_factory=list)
    media: list[bytes] = field(default_factory=list)
    responses: list[tuple[bytes, Address]] = field(default_factory=list)
    strays: list[tuple[bytes, Address]] = field(default_factory=list)  # authentic if they end with "ok"

    @property
    def feeds(self) -> Feed | None:
        return self.feed

    def __post_init__(self) -> None:
        self.ice = IceLite(self.local, Credentials(REMOTE, "p" * 24), 0.0)

    def receive_check(self, request: BindingRequest, source: Address, now: float) -> CheckResult:
        return self.ice.receive_check(request, source, now)

    def receive_response(self, response: bytes, source: Address, _now: float) -> None:
        self.responses.append((response, source))

    def receive_dtls(self, datagram: bytes) -> None:
        self.dtls.append(datagram)

    def receive_stray(self, datagram: bytes, source: Address, _now: float) -> bool:
        self.strays.append((datagram, source))
        return datagram.endswith(b"ok")

    def receive_media(self, datagram: bytes, _source: Address, _now: float) -> Feed | None:
        self.media.append(datagram)
        return self.feed


class Socket:
    """A demux, and what it sent. Time passes when a test sets `now`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sent: list[tuple[bytes, Address]] = []
        self.answers_of_servers: list[tuple[bytes, Address]] = []  # that the worker itself had asked
        self.owned: set[Address] = set()  # addresses of sessions, as the demux tells it
        self.demux = Demux(
            lambda data, address: self.sent.append((data, address)),
            self._asked,
            self.owned.add,
            self.owned.remove,
        )

    def _asked(self, data: bytes, source: Address) -> bool:
        taken = source == SERVER
        if taken:
            self.answers_of_servers.append((data, source))
        return taken

    def add(self, endpoint: Endpoint | None = None) -> Endpoint:
        endpoint = endpoint or Endpoint()
        self.demux.add(cast(Session, endpoint))
        return endpoint

    def remove(self, endpoint: Endpoint) -> None:
        self.demux.remove(cast(Session, endpoint))

    def receive(self, *datagrams: bytes, source: Address = HOME) -> None:
        self.demux.sort([(datagram, source) for datagram in datagrams], self.now)

    def check(
        self,
        endpoint: Endpoint,
        source: Address = HOME,
        *,
        password: str | None = None,
        ufrag: str | None = None,
        nominate: bool = True,
    ) -> other_stun.Message | None:
        """The answer to a check from `source`, if there was one."""
        before = len(self.sent)
        username = f"{ufrag or endpoint.local.ufrag}:{REMOTE}"
        request = other_stun.Message(
            other_stun.Method.BINDING,
            other_stun.Class.REQUEST,
            attributes={"USERNAME": username, "PRIORITY": 1, "ICE-CONTROLLING": 2},
        )
        if nominate:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity((password or endpoint.local.password).encode())
        self.receive(bytes(request), source=source)
        if len(self.sent) == before:
            return None
        data, address = self.sent[-1]
        assert address == source
        return other_stun.parse_message(data)

    def holds(self) -> int:
        """How many entries the demux has, of ufrags, addresses and sessions."""
        return len(self.demux)


def is_success(answer: other_stun.Message | None) -> bool:
    return answer is not None and answer.message_class is other_stun.Class.RESPONSE
