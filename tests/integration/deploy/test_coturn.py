"""What clients may do with the coturn of deploy/coturn, and what they may not, by a real one."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aioice import stun
from aioice.turn import TCP_TRANSPORT, TurnClientTcpProtocol, TurnClientUdpProtocol

from tests.support.coturn import (
    EXAMPLE,
    FORMER_SECRET,
    PASSWORD,
    SECRET,
    USER,
    WORKERS,
    Coturn,
    credentials,
    running_coturn,
)
from tests.support.system import LOOPBACK
from tests.support.udp_echo import udp_echo
from tests.support.waiting import eventually

# of STUN and TURN (RFC 8489, RFC 8656)
UNAUTHORIZED, FORBIDDEN, UNSUPPORTED, QUOTA_REACHED = "401", "403", "442", "486"
CHANNELS = 0x4100
LIFETIME, CHANNEL_REFRESH = 600, 500  # seconds
Peer = tuple[str, int]
LISTENING = "0A"  # a TCP socket's state in /proc/net/tcp


class Inbox(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, _: object) -> None:
        self.received.put_nowait(data)


@contextlib.asynccontextmanager
async def allocation(coturn: Coturn, user: tuple[str, str]) -> AsyncIterator[TurnClientUdpProtocol]:
    """A client with an allocation; what comes through it goes to an `Inbox`, its `receiver`."""
    server = LOOPBACK, coturn.port
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(
        lambda: TurnClientUdpProtocol(server, *user, LIFETIME, CHANNEL_REFRESH), remote_addr=server
    )
    client.receiver = Inbox()
    try:
        await client.connect()
        yield client
        await client.delete()
    finally:
        transport.close()


async def reaches(client: TurnClientUdpProtocol, peer: Peer) -> bool:
    """Whether `peer`, an echo, answers through the TURN server."""
    await client.send_data(b"hello", peer)
    assert isinstance(client.receiver, Inbox)
    async with asyncio.timeout(5):
        return await client.receiver.received.get() == b"hello"


async def test_it_relays_to_workers_and_to_nobody_else(tmp_path: Path, redis_url: str) -> None:
    redis = LOOPBACK, urlsplit(redis_url).port or 0
    hidden: list[Peer] = [
        redis,
        ("0.0.0.0", redis[1]),
        ("10.0.0.1", 53),
        ("169.254.169.254", 80),
        ("224.0.0.1", 5353),
    ]
    async with (
        running_coturn(tmp_path) as coturn,
        udp_echo(WORKERS) as worker,
        udp_echo(LOOPBACK) as other,
        allocation(coturn, credentials(60)) as client,
    ):
        assert await reaches(client, worker)
        for number, peer in enumerate([*hidden, other], CHANNELS):
            with pytest.raises(stun.TransactionFailed, match=FORBIDDEN):
                await client.channel_bind(number, peer)


async def test_without_its_list_it_would_relay_to_the_others(tmp_path: Path) -> None:
    """What the test above proves is the list's doing."""
    async with (
        running_coturn(tmp_path, without="denied-peer-ip") as coturn,
        udp_echo(LOOPBACK) as other,
        allocation(coturn, credentials(60)) as client,
    ):
        assert await reaches(client, other)


@pytest.mark.parametrize(
    ("without", "allowed"), [("", False), ("no-tcp-relay", True)], ids=["with", "without"]
)
async def test_nobody_opens_tcp_connections_through_it(tmp_path: Path, without: str, allowed: bool) -> None:
    """As to a Redis on the host of a worker, whose address is allowed (RFC 6062)."""
    async with running_coturn(tmp_path, without=without) as coturn:
        loop = asyncio.get_running_loop()
        server = LOOPBACK, coturn.port
        transport, client = await loop.create_connection(
            lambda: TurnClientTcpProtocol(server, *credentials(60), LIFETIME, CHANNEL_REFRESH), *server
        )
        request = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
        request.attributes["REQUESTED-TRANSPORT"] = TCP_TRANSPORT
        try:
            if allowed:
                await client.request_with_retry(request)
            else:
                with pytest.raises(stun.TransactionFailed, match=UNSUPPORTED):
                    await client.request_with_retry(request)
        finally:
            transport.close()


async def test_one_credential_is_not_good_for_any_number_of_allocations(tmp_path: Path) -> None:
    async with running_coturn(tmp_path) as coturn, contextlib.AsyncExitStack() as stack:
        user = credentials(60)
        for _ in range(24):
            await stack.enter_async_context(allocation(coturn, user))
        with pytest.raises(stun.TransactionFailed, match=QUOTA_REACHED):
            await stack.enter_async_context(allocation(coturn, user))
        await stack.enter_async_context(allocation(coturn, credentials(60)))  # another client's


async def test_a_stream_outlives_the_credential_that_opened_it(tmp_path: Path) -> None:
    user = credentials(2)
    async with (
        running_coturn(tmp_path) as coturn,
        udp_echo(WORKERS) as worker,
        allocation(coturn, user) as client,
    ):

        async def refused() -> bool:
            try:
                async with allocation(coturn, user):
                    return False
            except stun.TransactionFailed as error:
                return UNAUTHORIZED in str(error)

        await eventually("the credential has expired", refused, within=10, every=0.3)
        assert await reaches(client, worker)  # over a channel that is bound with it


async def test_it_takes_two_secrets_and_no_third(tmp_path: Path) -> None:
    async with running_coturn(tmp_path) as coturn:
        for secret in (SECRET, FORMER_SECRET):
            async with allocation(coturn, credentials(60, secret)):
                pass
        with pytest.raises(stun.TransactionFailed, match=UNAUTHORIZED):
            async with allocation(coturn, credentials(60, "guessed")):
                pass


async def test_a_user_name_of_all_clients_works_as_well(tmp_path: Path) -> None:
    async with running_coturn(tmp_path, static=True) as coturn:
        async with allocation(coturn, (USER, PASSWORD)):
            pass
        with pytest.raises(stun.TransactionFailed, match=UNAUTHORIZED):
            async with allocation(coturn, (USER, "wrong")):
                pass


async def test_it_listens_for_turn_only_and_keeps_its_secret(tmp_path: Path) -> None:
    async with running_coturn(tmp_path) as coturn:
        assert listening(coturn.pid) == {coturn.port}
        assert SECRET not in Path(f"/proc/{coturn.pid}/cmdline").read_text()
        (written,) = tmp_path.glob("tmp.*/turnserver.conf")
        assert written.stat().st_mode & 0o777 == 0o600


def listening(pid: int) -> set[int]:
    """TCP ports on which a process listens."""
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            sockets.add(os.readlink(descriptor))
    return {
        int(local.rpartition(":")[2], 16)
        for _, local, _, state, _, _, _, _, _, inode, *_ in table
        if state == LISTENING and f"socket:[{inode}]" in sockets
    }


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ({"TURN_SECRET": ""}, "TURN_USERNAME: and TURN_PASSWORD, or TURN_SECRET, must be those of control"),
        ({"TURN_PEERS": ""}, "TURN_PEERS: must name the addresses of the workers"),
        ({"TURN_PEERS": "192.0.2.1,worker2"}, "TURN_PEERS: must be addresses, not names"),
        ({"TURN_CERT": "/nowhere/cert.pem", "TURN_KEY": "/nowhere/key.pem"}, "/nowhere/cert.pem"),
    ],
    ids=["secret", "peers", "names", "certificate"],
)
def test_it_does_not_start_with_half_its_settings(missing: dict[str, str], says: str) -> None:
    whole = {
        "PATH": os.environ["PATH"],
        "TURN_SECRET": SECRET,
        "TURN_PEERS": WORKERS,
        "TURN_REALM": "turn.test",
    }
    result = subprocess.run(
        ["sh", EXAMPLE / "start.sh"], env=whole | missing, capture_output=True, text=True, timeout=10
    )
    assert result.returncode != 0
    assert says in result.stderr
