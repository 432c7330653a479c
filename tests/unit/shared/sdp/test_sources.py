"""The RTP sources that a media section declares."""

from shared.sdp.offer import parse_offer
from tests.support.sdp import VP8, offer, video


def test_sources_are_those_that_are_not_rtx_or_fec() -> None:
    lines = (
        "a=ssrc-group:FID 10 11",
        "a=ssrc-group:FEC-FR 10 12",
        "a=ssrc-group:SIM 10 20",
        *(f"a=ssrc:{ssrc} cname:x" for ssrc in (11, 10, 10, 12, 20, 4294967295, 4294967296)),
        "a=ssrc",
        "a=ssrc:",
        "a=ssrc:-1 x",
        "a=ssrc-group",
        "a=ssrc-group:",
    )
    section = parse_offer(offer(video(*VP8, *lines), bundle="1")).sections[0]
    assert section.sources.ssrcs == (10, 20, 4294967295)
    assert section.sources.repairs == {11: 10}


def test_of_malformed_repairs_nothing_is_taken() -> None:
    groups = ("FID", "FID 1", "FID 1 2 3", "FID x 4", "FID 5 99999999999", "FID 6 7", "FID 8 7")
    section = parse_offer(offer(video(*VP8, *(f"a=ssrc-group:{g}" for g in groups)), bundle="1")).sections[0]
    assert section.sources.repairs == {7: 6}
