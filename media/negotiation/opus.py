"""What an answer says of Opus (RFC 7587 6.1 and 7.1).

Almost every parameter is a wish: how its author would like to receive. Those that begin with `sprop-` say how
its author sends. So nothing of an offer is repeated as it is, and what is unknown is left out.
"""

import re
from collections.abc import Mapping

from shared.sdp.codec import Codec

_NUMBER = re.compile(r"[0-9]{1,6}")
_FLAG = range(2)
_MILLISECONDS = range(3, 121)
# Wishes, with their values. Browsers have those for the length of a packet here, the RFC as attributes.
_WISHES = {
    "minptime": _MILLISECONDS,
    "ptime": _MILLISECONDS,
    "maxptime": _MILLISECONDS,
    "maxplaybackrate": range(8_000, 48_001),
    "maxaveragebitrate": range(6_000, 510_001),
    "stereo": _FLAG,
    "cbr": _FLAG,
    "usedtx": _FLAG,
}

# What browsers call multiopus, by channels: streams, how many have two channels, and where each channel is.
# Others are possible, but these are in use, and are those of files (RFC 7845 5.1.1.2).
_SURROUND = {
    3: ("2", "1", "0,2,1"),
    4: ("2", "2", "0,1,2,3"),
    5: ("3", "2", "0,4,1,2,3"),
    6: ("4", "2", "0,4,1,2,3,5"),
    7: ("5", "2", "0,4,1,2,3,5,6"),
    8: ("5", "3", "0,6,1,2,3,4,5,7"),
}


def is_surround(codec: Codec) -> bool:
    """Whether it is Opus of more than two channels, in the form that decoders have for that many."""
    usual = _SURROUND.get(codec.channels)
    return codec.name == "multiopus" and usual is not None and surround_form(codec) == " ".join(usual)


def surround_form(codec: Codec) -> str:
    """The parameters that a decoder of multichannel Opus must have in common with the encoder."""
    names = ("num_streams", "coupled_streams", "channel_mapping")
    return " ".join(codec.parameters.get(name, "") for name in names)


def wished_of_publisher(offered: Mapping[str, str]) -> dict[str, str]:
    """The parameters for a publisher that offers these.

    We would like to receive what it would: a browser has one configuration for both ways, and a page that
    wants music, or pauses without packets, can say so only there. Who sends in stereo may do that. Correction
    in band costs nothing until the publisher hears of losses, and each viewer gains by it.
    """
    wishes = {name: offered[name] for name in _WISHES if _is_allowed(name, offered.get(name, ""))}
    if sends_stereo(offered):
        wishes["stereo"] = "1"
    return wishes | {"useinbandfec": "1"}


def told_to_viewer(published: Mapping[str, str]) -> dict[str, str]:
    """The parameters for a viewer of a publisher that offered these.

    That sound is mono is not told: another publisher may take over, and viewers keep their answers.
    """
    told = {"stereo": "1", "useinbandfec": "1"}
    return told | {"sprop-stereo": "1"} if sends_stereo(published) else told


def sends_stereo(offered: Mapping[str, str]) -> bool:
    """Whether the author says that it does. Many send stereo without a word."""
    return offered.get("sprop-stereo") == "1"


def _is_allowed(name: str, value: str) -> bool:
    return _NUMBER.fullmatch(value) is not None and int(value) in _WISHES[name]
