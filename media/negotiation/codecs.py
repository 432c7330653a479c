"""Which codecs and feedback the worker passes through, and when a viewer's codec fits a track.

Nothing is transcoded: a viewer gets a track only if one of its codecs can decode the very same packets.
"""

import re
from collections.abc import Sequence

from media.negotiation.opus import is_surround, surround_form
from shared.sdp.codec import Codec

_Form = tuple[str, int, int, str]  # name, clock rate, channels, the parameters of `_FORM`

_VIDEO = (90000, 1)
# name -> clock rate, channels
_PASSED_THROUGH = {
    "VP8": _VIDEO,
    "VP9": _VIDEO,
    "H264": _VIDEO,
    "H265": _VIDEO,
    "AV1": _VIDEO,
    "opus": (48000, 2),  # RFC 7587 7: always, whatever the stream contains
    "PCMU": (8000, 1),
    "PCMA": (8000, 1),
    "G722": (8000, 1),  # RFC 3551 4.5.2: 8000 because of an old mistake
}
_AUDIO = frozenset({"opus", "multiopus", "PCMU", "PCMA", "G722"})

# The parameter, and its default, that must match: otherwise a decoder cannot read the stream.
_FORM = {
    "VP9": ("profile-id", "0"),  # RFC 9628 7
    "H264": ("packetization-mode", "0"),  # RFC 6184 8.1
    "H265": ("profile-id", "1"),  # RFC 7798 7.1
    "AV1": ("profile", "0"),  # AV1 RTP specification 7.2.3
}

# The RTCP feedback (RFC 4585, RFC 5104) that we may send to a publisher, and accept from a viewer.
FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"})

# RFC 6184 8.1: profile_idc and the constraint flags ("x" is either), as browsers read them.
_H264_PROFILES = (
    (0x42, "x1xx0000", "constrained baseline"),
    (0x4D, "1xxx0000", "constrained baseline"),
    (0x58, "11xx0000", "constrained baseline"),
    (0x42, "x0xx0000", "baseline"),
    (0x58, "10xx0000", "baseline"),
    (0x4D, "0x0x0000", "main"),
    (0x64, "00000000", "high"),
    (0x64, "00001100", "constrained high"),
    (0xF4, "00000000", "high 4:4:4 predictive"),
)
_PROFILE_LEVEL_ID = re.compile(r"([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})[0-9A-Fa-f]{2}")
_DEFAULT_PROFILE_LEVEL_ID = "42e01f"  # what browsers assume if it is missing


def is_passed_through(kind: str, codec: Codec) -> bool:
    """Whether the worker forwards `codec` in a section of `kind`."""
    shape = (48000, codec.channels) if is_surround(codec) else _PASSED_THROUGH.get(codec.name)
    return shape == (codec.clock_rate, codec.channels) and (codec.name in _AUDIO) == (kind == "audio")


def h264_profile(codec: Codec) -> str | None:
    """The profile of an H.264 codec by name; None if it is malformed or unknown to browsers."""
    match = _PROFILE_LEVEL_ID.fullmatch(codec.parameters.get("profile-level-id", _DEFAULT_PROFILE_LEVEL_ID))
    if not match:
        return None
    idc, flags = int(match[1], 16), f"{int(match[2], 16):08b}"
    for profile_idc, pattern, profile in _H264_PROFILES:
        if idc == profile_idc and all(want in ("x", got) for want, got in zip(pattern, flags, strict=True)):
            return profile
    return None


def match(track: Codec, offered: Sequence[Codec]) -> Codec | None:
    """The best of a viewer's codecs that can read the packets of `track`, or None.

    H.264 decoders read more than the profile that they name. So a codec with the same packetization mode is
    enough, and one with the same profile is preferred. A decoder for mode 1 reads mode 0, too (RFC 6184 6.3),
    but not the reverse.
    """
    readable = [codec for codec in offered if _form(codec) in _forms_that_read(track)]
    if track.name == "H264":
        profile = h264_profile(track)
        readable.sort(key=lambda codec: (_form(codec) != _form(track), h264_profile(codec) != profile))
    return readable[0] if readable else None


def describe(codec: Codec) -> str:
    """A codec for messages: `VP8`, `H264 packetization-mode=1`."""
    if codec.name == "multiopus":
        return f"multiopus/{codec.clock_rate}/{codec.channels}"
    if codec.name not in _FORM:
        return codec.name
    parameter, default = _FORM[codec.name]
    return f"{codec.name} {parameter}={codec.parameters.get(parameter, default)[:16]}"


def _forms_that_read(track: Codec) -> Sequence[_Form]:
    form = _form(track)
    return (form, (*form[:3], "1")) if track.name == "H264" and form[3] == "0" else (form,)


def _form(codec: Codec) -> _Form:
    parameter, default = _FORM.get(codec.name, ("", ""))
    if codec.name == "multiopus":
        return codec.name, codec.clock_rate, codec.channels, surround_form(codec)
    return codec.name, codec.clock_rate, codec.channels, codec.parameters.get(parameter, default)
