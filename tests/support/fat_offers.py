"""Valid offers, each as full of one thing as the parser allows: the most that a stranger can make us work."""

from collections.abc import Callable, Sequence
from sys import setprofile
from types import FrameType

from tests.support.sdp import offer, section

_PAYLOAD_TYPES = (*range(96, 128), *range(32))  # 64, as many as a section may have codecs
_KINDS = ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")


def _full(*extra: str, mixed: bool = False, more: Sequence[Sequence[str]] = ()) -> str:
    """Two sections with 64 codecs each, that can be published, and the lines of `extra` in each."""
    sections = [
        section(kind, *(f"a=rtpmap:{n} {codec}" for n in _PAYLOAD_TYPES), *extra, mid=mid)
        for kind, codec, mid in (("audio", "opus/48000/2", "0"), ("video", "H264/90000", "1"))
    ]
    # the first codec counts: it must not be the same payload type in both
    sections[1][0] = sections[1][0].replace(" 96 97 ", " 97 96 ")
    return offer(*sections, *more, session=["a=extmap-allow-mixed"] if mixed else [])


def _parameters(number: int) -> list[str]:
    return [f"a=fmtp:{n} " + ";".join(f"{i:x}" for i in range(number)) for n in _PAYLOAD_TYPES]


_FEEDBACK = [f"a=rtcp-fb:{n} {kind}" for n in _PAYLOAD_TYPES for kind in _KINDS]
_SOURCES = [
    *(f"a=ssrc:{n} cname:x" for n in range(128)),
    *(f"a=ssrc-group:FID {' '.join(str(10**9 + 16 * g + n) for n in range(16))}" for g in range(16)),
]
_EXTENSIONS = [f"a=extmap:{n} urn:{n}" for n in range(1, 66) if n != 15]
_REJECTED_LINE = f"m={'k' * 32} 0 {'/'.join(['p' * 32] * 8)} {'f' * 32}"

FAT = {
    "parameters": _full(*_parameters(32)),
    "feedback": _full(*_FEEDBACK),
    "sources and extensions": _full(*_SOURCES, *_EXTENSIONS, mixed=True),
    "a bit of all": _full(
        *_parameters(24),
        *(f"a=rtcp-fb:* {kind}" for kind in _KINDS * 10),
        *_SOURCES,
        *_EXTENSIONS,
        mixed=True,
        more=[[_REJECTED_LINE, f"a=mid:{n:064}"] for n in range(14)],
    ),
    "long parameters": _full(*(f"a=fmtp:{n} x={'y' * 400}" for n in _PAYLOAD_TYPES)),
    "rejected sections": _full(
        more=[
            ["m=video 0 RTP/AVP " + " ".join(map(str, range(128))), f"a=mid:r{n}", *["a=rtcp-fb:* nack"] * 50]
            for n in range(14)
        ]
    ),
    "what nobody reads": _full(*[f"a=candidate:{'x' * 60}"] * 370),
}


def calls_of(work: Callable[[], object]) -> int:
    """How many functions, of Python and C, `work` calls: a cost that no other load disturbs."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    setprofile(count)
    try:
        work()
    finally:
        setprofile(None)
    return calls
