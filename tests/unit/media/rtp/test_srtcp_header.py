"""What SRTCP tells of itself in the clear."""

import pytest

from media.rtp import rtcp
from media.rtp.rtcp import ReportBlock
from media.rtp.srtcp_header import begins_with_report, is_lone_report
from media.rtp.srtp import Profile
from tests.support.far_end import BOTH_PROFILES, far_sender, new_keys


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_a_lone_report_is_known_by_what_is_not_encrypted(profile: Profile) -> None:
    sender = far_sender(new_keys(profile))
    overhead = profile.srtcp_overhead
    report = rtcp.receiver_report(7, [ReportBlock(1, 0, 0, 2, 3, 4, 5)])
    for lone in (report, rtcp.receiver_report(7, [])):
        assert is_lone_report(sender.protect_rtcp(lone), overhead)
    for more in (report + rtcp.sdes(7, b"x"), report + rtcp.nack(7, 1, [5]), rtcp.pli(7, 1), rtcp.bye([7])):
        assert not is_lone_report(sender.protect_rtcp(more), overhead)
    assert not any(is_lone_report(report[:length], overhead) for length in range(len(report)))
    assert is_lone_report(bytes((0x80, 201, 1, 2)) + bytes(4 * 0x102 + overhead), overhead)


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_what_begins_with_a_report_is_known_likewise(profile: Profile) -> None:
    sender = far_sender(new_keys(profile))
    report = rtcp.receiver_report(7, [ReportBlock(1, 0, 0, 2, 3, 4, 5)])
    for behind in (b"", rtcp.remb(7, 1_000_000, [1])):
        assert begins_with_report(sender.protect_rtcp(report + behind))
    for first in (rtcp.pli(7, 1), rtcp.nack(7, 1, [5]), rtcp.bye([7])):
        assert not begins_with_report(sender.protect_rtcp(first + report))
    assert [begins_with_report(report[:length]) for length in range(6)] == [False] * 4 + [True] * 2
