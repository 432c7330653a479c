"""Whatever arrives, a parser gives a value or raises its one error."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from aioice import stun as other_stun
from hypothesis import given, settings
from hypothesis import strategies as st

from media.relay.layer_messages import LayerFigures, layer_figures, read_figures, read_wanted, wanted_layers
from media.rtp import rtcp
from media.rtp.rtcp import Nack, ReceiverReport, ReportBlock, RtcpError, SenderReport, parse_compound
from media.transport.ice import Credentials, IceLite
from media.transport.stun import StunError, parse_binding_request, success_response

CREDENTIALS = Credentials("local", "p" * 24)


def _valid_check() -> bytes:
    named = {"USERNAME": "local:remote", "PRIORITY": 1, "ICE-CONTROLLING": 2, "USE-CANDIDATE": None}
    message = other_stun.Message(other_stun.Method.BINDING, other_stun.Class.REQUEST, b"t" * 12, named)
    message.add_message_integrity(CREDENTIALS.password.encode())
    return bytes(message)


CHECK = _valid_check()
BLOCK = ReportBlock(1, 2, 3, 4, 5, 6, 7)
RTCP = [
    rtcp.sender_report(1, 2, 3, 4, 5) + rtcp.sdes(1, b"name"),
    rtcp.receiver_report(1, [BLOCK, BLOCK]) + rtcp.nack(1, 2, [3, 4, 500]),
    rtcp.pli(1, 2) + rtcp.fir(1, 2, 3) + rtcp.bye([1, 2]),
    rtcp.receiver_report(1, ()) + wanted_layers(1, [2, 3]) + layer_figures(1, [LayerFigures(2, 3, 4, 5)]),
    bytes.fromhex("8fce00060000000100000000") + b"REMB" + bytes.fromhex("0200ffff0000000300000004"),
]


@st.composite
def mangled(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """A valid packet with bytes changed, cut out, put in and doubled."""
    data = bytearray(draw(valid))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(("change", "cut", "insert", "end", "double"))):
            case "change" if at < len(data):
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 8))]
            case "insert":
                data[at:at] = draw(st.binary(max_size=8))
            case "end":
                del data[at:]
            case "double":
                data += data[at:]
    return bytes(data)


@st.composite
def attributes(draw: st.DrawFn) -> bytes:
    """A STUN request that is well-formed down to its attributes, whose contents are not."""
    kinds = st.sampled_from((0x0006, 0x0008, 0x0024, 0x0025, 0x8028, 0x8029, 0x802A, 0x0002, 0xC057))
    body = bytearray()
    for kind, value in draw(st.lists(st.tuples(kinds, st.binary(max_size=24)), max_size=12)):
        body += kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
    return b"\x00\x01" + len(body).to_bytes(2, "big") + CHECK[4:20] + bytes(body)


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """RTCP that is well-formed down to the bodies, whose contents are not."""
    data = b""
    for _ in range(draw(st.integers(1, 4))):
        body = draw(st.binary(max_size=40))
        body = body[: len(body) // 4 * 4]
        first = 0x80 | draw(st.sampled_from((0, 1, 2, 4, 15, 31))) | draw(st.sampled_from((0, 0, 0x20)))
        data += bytes((first, draw(st.integers(199, 208)), 0, len(body) // 4)) + body
    return data


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=200), mangled(st.just(CHECK)), attributes()))
def test_stun(data: bytes) -> None:
    agent = IceLite(CREDENTIALS, Credentials("remote", "r" * 24), 0.0)
    try:
        request = parse_binding_request(data)
    except StunError:
        return
    result = agent.receive_check(request, ("192.0.2.1", 5), 1.0)
    assert result.valid == request.is_authentic(CREDENTIALS.password)
    other_stun.parse_message(result.reply)


@settings(max_examples=500)
@given(st.one_of(mangled(st.just(b"")), attributes().map(lambda data: data[20:])))
def test_answers_to_our_requests(tail: bytes) -> None:
    """What knows the transaction but not the password proves nothing."""
    agent = IceLite(CREDENTIALS, Credentials("remote", "r" * 24), 0.0)
    agent.receive_check(parse_binding_request(CHECK), ("192.0.2.1", 5), 1.0)
    agent.receive_check(parse_binding_request(CHECK), ("192.0.2.2", 5), 1.0)
    due = agent.due_request(1.0)
    assert due is not None
    head = b"\x01\x01" + len(tail).to_bytes(2, "big") + due[0][4:20]
    assert not agent.receive_response(head + tail, ("192.0.2.2", 5), 1.0)
    answer = success_response(parse_binding_request(due[0]), "192.0.2.2", 5, "r" * 24)
    assert agent.receive_response(answer, ("192.0.2.2", 5), 1.0)


@settings(max_examples=1000)
@given(st.one_of(st.binary(max_size=200), mangled(st.sampled_from(RTCP)), packets()))
def test_rtcp(data: bytes) -> None:
    try:
        found = parse_compound(data)
    except RtcpError:
        return
    for packet in found:
        if isinstance(packet, Nack):
            assert all(0 <= sequence <= 0xFFFF for sequence in packet.sequences())
        if isinstance(packet, SenderReport | ReceiverReport):
            again = rtcp.receiver_report(packet.ssrc, packet.blocks)
            assert parse_compound(again) == [ReceiverReport(packet.ssrc, packet.blocks)]
        if (wanted := read_wanted(packet)) is not None:
            assert all(0 <= ssrc <= 0xFFFFFFFF for ssrc in wanted)
        if (forms := read_figures(packet)) is not None:
            assert all(0 <= figure <= 0xFFFFFFFF for form in forms for figure in form)


def _steps(run: Callable[[bytes], object], data: bytes) -> int:
    """How many lines of Python `run` takes for `data`: a measure of work that no machine's load disturbs."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run(data)
    finally:
        sys.settrace(before)
    return count


def test_rtcp_takes_time_in_proportion_to_its_length() -> None:
    def nack_of(entries: int) -> bytes:
        return rtcp.nack(1, 2, [n * 20 & 0xFFFF for n in range(entries)])

    def sdes_of(items: int) -> bytes:
        body = bytes(4) + b"\x02\x02ab" * items + bytes(4)
        return bytes((0x81, 202)) + (len(body) // 4).to_bytes(2, "big") + body

    for made in (nack_of, sdes_of):
        small, large = _steps(parse_compound, made(100)), _steps(parse_compound, made(1000))
        assert large <= 11 * small
