"""WHIP and WHEP: what a 201 carries, which worker gets an offer, and the life of a session."""

import asyncio
from unittest.mock import ANY

import httpx
import pytest

from control.events import waiting
from control.http.bodies import FRAGMENT_TYPE
from control.routes import whip_whep
from shared.errors import ErrorCode, ServiceError
from shared.messages.sessions import FindSessions, Living
from shared.messages.signalling import Answer, AnswerOffer, Delete, Patch, Patched, Play, Publish, Role
from shared.sdp.encoding import decode_offer
from shared.sdp.offer import parse_offer
from tests.integration.control.conftest import Stage
from tests.integration.control.scripted_worker import ANSWER_SDP
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.sdp import sent_fragment

WHIP = "/api/whip/publish/demo"
WHEP = "/api/whep/play/demo"
SESSION = "w1.AAAAAAAAAAAAAAAAAAAAAA"


async def publish(http: httpx.AsyncClient, token: str = "", room: str = "demo") -> httpx.Response:
    return await post_offer(http, f"/api/whip/publish/{room}", PUBLISH_OFFER, token)


async def play(http: httpx.AsyncClient, token: str = "") -> httpx.Response:
    return await post_offer(http, WHEP, PLAY_OFFER, token)


async def test_a_201_carries_the_answer_and_all_that_rfc_9725_wants(stage: Stage) -> None:
    worker = await stage.worker()
    worker.answers[Publish] = Answer(session=SESSION, sdp=ANSWER_SDP, etag="e1")
    http = await stage.control(stun_urls="stun:s1.test:3478,stun:s2.test:3478", turn_urls="turn:t.test:3478",
                               turn_username='a"b', turn_password="c\\d")  # fmt: skip

    response = await publish(http)

    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/sdp"
    assert response.text == ANSWER_SDP
    assert response.headers["Location"] == f"{WHIP}/{SESSION}"
    assert response.headers["ETag"] == '"e1"'
    assert response.headers["Accept-Patch"] == FRAGMENT_TYPE
    assert response.headers.get_list("Link") == [
        '<stun:s1.test:3478>; rel="ice-server"',
        '<stun:s2.test:3478>; rel="ice-server"',
        '<turn:t.test:3478>; rel="ice-server"; '
        'username="a\\"b"; credential="c\\\\d"; credential-type="password"',
    ]


async def test_the_worker_hears_who_stands_by_and_who_only_alone(stage: Stage) -> None:
    worker = await stage.worker()
    http = await stage.control()
    for asked in ("a", "b?standby=true", "c?standby=alone", "d?standby=yes"):
        assert (await publish(http, room=asked)).status_code == 201
    told = [(one.stands_by, one.alone) for one in worker.received if isinstance(one, Publish)]
    assert told == [(False, False), (True, False), (True, True), (False, False)]


async def test_the_worker_gets_what_control_has_parsed(stage: Stage) -> None:
    worker = await stage.worker()
    http = await stage.control()
    await publish(http)
    await play(http)
    assert worker.received == [
        Publish(room="demo", offer=ANY, identity="open", network="127.0.0.1"),
        Play(room="demo", offer=ANY, network="127.0.0.1"),
    ]
    assert [decode_offer(message.offer) for message in worker.received] == [
        parse_offer(PUBLISH_OFFER.decode()),
        parse_offer(PLAY_OFFER.decode()),
    ]


async def test_an_offer_that_is_not_served_is_told_why(stage: Stage) -> None:
    await stage.worker()
    response = await post_offer(await stage.control(), WHIP, PLAY_OFFER)
    assert response.json()["error"] == "invalid SDP"
    assert "recvonly" in response.json()["detail"]


async def test_of_two_publishers_at_two_controls_at_once_one_gets_201_and_one_409(stage: Stage) -> None:
    await stage.worker("w1")
    await stage.worker("w2")
    controls = [await stage.control(), await stage.control()]
    for room in ("a", "b", "c", "d", "e"):
        responses = await asyncio.gather(*(publish(http, room=room) for http in controls))
        assert sorted(response.status_code for response in responses) == [201, 409]


async def test_a_publisher_of_a_taken_room_goes_to_its_owner_who_decides(stage: Stage) -> None:
    owner = await stage.worker("owner")
    await stage.worker("idle")
    owner.load = 0.9
    await owner.publish_in("demo")
    owner.answers[Publish] = Answer(session="owner." + "A" * 22, sdp=ANSWER_SDP, etag="taken-over")
    http = await stage.control()
    assert (await publish(http)).headers["ETag"] == '"taken-over"'


async def test_a_session_goes_on_through_any_control_process(stage: Stage) -> None:
    worker = await stage.worker()
    first, second = await stage.control(), await stage.control()
    location = (await publish(first)).headers["Location"]
    session = location.rpartition("/")[2]
    fragment = {"Content-Type": f"{FRAGMENT_TYPE}; charset=utf-8"}

    trickle = await second.patch(location, content=b"a=mid:0\r\n", headers=fragment | {"If-Match": '"first"'})
    worker.answers[Patch] = Patched(etag="second", fragment="a=ice-ufrag:new\r\n")
    new = "a=ice-ufrag:peer\r\n"
    restart = await second.patch(location, content=new.encode(), headers=fragment | {"If-Match": "*"})
    ended = await second.delete(location)

    assert (trickle.status_code, trickle.content) == (204, b"")
    assert trickle.headers["Accept-Patch"] == FRAGMENT_TYPE
    assert (restart.status_code, restart.text) == (200, "a=ice-ufrag:new\r\n")
    assert restart.headers["Content-Type"] == FRAGMENT_TYPE
    assert restart.headers["ETag"] == '"second"'
    assert ended.status_code == 200
    expected = {"session": session, "room": "demo", "role": Role.PUBLISH}
    found = FindSessions(sessions=(session,))  # asked before a body is read
    assert worker.received[1:] == [
        found,
        Patch(**expected, fragment=sent_fragment("a=mid:0\r\n"), if_match='"first"'),
        found,
        Patch(**expected, fragment=sent_fragment(new), if_match="*"),
        Delete(**expected),
    ]


async def test_a_trickle_without_if_match_is_taken(stage: Stage) -> None:
    worker, http = await stage.worker(), await stage.control()
    headers = {"Content-Type": FRAGMENT_TYPE, "ETag": '"first"'}  # one client sends it so
    response = await http.patch(f"{WHEP}/{SESSION}", content=b"a=mid:0\r\n", headers=headers)
    assert response.status_code == 204
    assert worker.received[-1].if_match is None
    assert worker.received[-1].role is Role.PLAY


async def test_the_lines_of_if_match_are_one_list(stage: Stage) -> None:
    worker, http = await stage.worker(), await stage.control()
    headers = [("Content-Type", FRAGMENT_TYPE), ("If-Match", '"other"'), ("If-Match", '"first"')]
    await http.patch(f"{WHEP}/{SESSION}", content=b"a=mid:0\r\n", headers=headers)
    assert worker.received[-1].if_match == '"other", "first"'


async def test_a_fragment_that_cannot_be_read_reaches_no_worker(stage: Stage) -> None:
    worker, http = await stage.worker(), await stage.control()
    for text, if_match, status in (("a=ice-ufrag:x\r\n", "*", 400), ("a=mid:0\r\n", '"x",' * 300, 412)):
        headers = {"Content-Type": FRAGMENT_TYPE, "If-Match": if_match}
        response = await http.patch(f"{WHEP}/{SESSION}", content=text, headers=headers)
        assert response.status_code == status
    assert not any(isinstance(message, Patch) for message in worker.received)


async def test_options_tell_what_may_be_posted_and_patched(stage: Stage) -> None:
    # a preflight has no credentials, and is told no TURN server's
    turn = {"turn_urls": "turn:t.test:3478", "turn_username": "u", "turn_password": "p"}
    http = await stage.control(auth_token="secret-of-all", **turn)
    endpoint = await http.options(WHIP)
    assert "link" not in endpoint.headers
    session = await http.options(f"{WHEP}/{SESSION}")
    assert endpoint.headers["Accept-Post"] == session.headers["Accept-Post"] == "application/sdp"
    assert endpoint.headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert session.headers["Accept-Patch"] == FRAGMENT_TYPE
    assert session.headers["Allow"] == "GET, PATCH, DELETE, HEAD, OPTIONS"


async def test_head_is_answered_wherever_get_is(stage: Stage) -> None:
    http = await stage.control()
    for path in (WHIP, f"{WHEP}/{SESSION}", "/api/rooms", "/healthz", "/"):
        response = await http.head(path)
        assert response.status_code == (await http.get(path)).status_code
        assert response.content == b""


async def test_a_worker_tells_when_to_come_back(stage: Stage) -> None:
    worker = await stage.worker()
    worker.answers[Publish] = ServiceError(ErrorCode.NO_WORKER, detail="starting", retry_after=7)
    worker.answers[Play] = ServiceError(ErrorCode.NO_PUBLISHER, retry_after=7)
    await worker.publish_in("demo")
    for settings in ({}, {"whep_without_publisher": "409"}):
        http = await stage.control(**settings)
        for response in (await publish(http), await play(http)):
            assert response.headers["Retry-After"] == "7"


async def test_without_publisher_it_is_409_where_the_draft_is_chosen(stage: Stage) -> None:
    await stage.worker()
    response = await play(await stage.control(whep_without_publisher="409"))
    assert (response.status_code, response.json()) == (409, {"error": "no active publisher in room"})
    assert response.headers["Retry-After"] == "2"


async def test_a_viewer_may_wait_for_a_publisher(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = await stage.worker()
    http = await stage.control(whep_without_publisher="wait")
    monkeypatch.setattr(waiting, "MAX_OF_CLIENT", 1)
    tried = [asyncio.create_task(play(http)) for _ in range(2)]
    (refused,), (waits,) = await asyncio.wait(tried, return_when=asyncio.FIRST_COMPLETED)
    response = await refused
    assert (response.status_code, response.headers["Retry-After"]) == (429, "5")
    assert response.json()["detail"] == "1 requests of this address wait for a publisher"
    assert not waits.done()
    await worker.publish_in("demo")
    assert (await waits).status_code == 201
    await worker.give_up("demo")
    monkeypatch.setattr(whip_whep, "WAIT_SECONDS", 0.01)
    response = await play(http)
    assert (response.status_code, response.headers["Retry-After"]) == (409, "2")


async def test_a_player_finds_an_endpoint_of_whep_by_its_head(stage: Stage) -> None:
    http = await stage.control(auth_token="secret-of-all")  # a URL is looked at before a token is known
    response = await http.head(WHEP)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/sdp")
    assert response.content == b""
    assert (await http.head(WHIP)).status_code == 204


async def test_an_offer_of_the_server_carries_all_that_an_answer_does(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo")
    until = 1_900_000_000.9  # a fraction more would be promised than is kept
    worker.answers[Play] = Answer(session=SESSION, sdp=ANSWER_SDP, etag="e1", valid_until=until)
    http = await stage.control(stun_urls="stun:s1.test:3478")
    headers = {"Content-Type": "application/sdp", "Accept": "application/sdp"}
    response = await http.post(WHEP, content=b"", headers=headers)
    assert (response.status_code, response.text) == (406, ANSWER_SDP)
    assert response.headers["Content-Type"] == 'application/sdp; valid-until="Sun, 17 Mar 2030 17:46:40 GMT"'
    assert response.headers["Location"] == f"{WHEP}/{SESSION}"
    assert response.headers["ETag"] == '"e1"'
    links = response.headers.get_list("Link")
    assert links[0] == '<stun:s1.test:3478>; rel="ice-server"'
    assert [link.rpartition(":")[2].split('"')[0] for link in links[1:]] == ["server-sent-events", "layer"]
    assert worker.received[-1].offer == b""
    assert worker.received[-1].takes_offers


async def test_who_is_made_an_offer(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo")
    controls = [await stage.control(whep_counter_offers=setting) for setting in ("asked", "always")]
    for accept, *takes in (
        (None, False, True),
        ("*/*", False, True),
        ("application/*;q=0.5", False, True),
        ("application/json", False, False),
        ("Application/SDP", True, True),
        ("application/json, application/sdp;q=0.1", True, True),
        ("application/json, application/sdp;q=0", False, False),
    ):
        for http in controls:
            request = http.build_request(
                "POST", WHEP, content=PLAY_OFFER, headers={"Content-Type": "application/sdp"}
            )
            del request.headers["Accept"]
            if accept is not None:
                request.headers["Accept"] = accept
            assert (await http.send(request)).status_code == 201
        assert [message.takes_offers for message in worker.received[-2:]] == takes, accept


async def test_the_worker_gets_an_answer_as_it_gets_offers(stage: Stage) -> None:
    worker = await stage.worker()
    worker.answers[FindSessions] = Living(sessions=(SESSION,), offered=(SESSION,))
    http = await stage.control()
    headers = {"Content-Type": "application/sdp"}
    response = await http.patch(f"{WHEP}/{SESSION}", content=PLAY_OFFER, headers=headers)
    assert response.status_code == 204
    answer = worker.received[-1]
    assert isinstance(answer, AnswerOffer)
    assert (answer.session, answer.room) == (SESSION, "demo")
    assert decode_offer(answer.answer) == parse_offer(PLAY_OFFER.decode())
