"""Firefox publishes and watches by our pages: each codec that it has, its layers, and what it cannot play."""

import re

import pytest

from tests.support import aiortc_client
from tests.support.browser import chromium, open_watch_page
from tests.support.client_runs import ClientRuns
from tests.support.client_stage import client_stage
from tests.support.firefox import firefox
from tests.support.foreign_client import running_client
from tests.support.waiting import eventually
from tests.support.whip_ffmpeg import publish_command

SECONDS = 30.0
CODECS = {"video/VP8", "video/VP9", "video/AV1"}  # its plug-in for H.264 is not in Debian
HEIGHTS = [720, 360, 180]
HIDDEN = {"media.peerconnection.ice.obfuscate_host_addresses": True}  # as for people: names of mDNS
BLOCKED, ACCEPTED = "stun:127.0.0.1:9", "stun:127.0.0.1:3479"
OVER_TCP = {"media.peerconnection.ice.force_ice_tcp": True}

_PLAY_WITH_A_DATA_CHANNEL = """async (url) => {
    const pc = window.pc = new RTCPeerConnection();
    pc.createDataChannel('nobody takes it');
    for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
    await pc.setLocalDescription();
    while (pc.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
    const headers = { 'Content-Type': 'application/sdp' };
    const answer = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
    const sdp = await answer.text();
    await pc.setRemoteDescription({ type: 'answer', sdp });
    return [pc.localDescription.sdp, sdp];
}"""
_REFUSES = """(url) => {
    try {
        new RTCPeerConnection({ iceServers: [{ urls: url }] }).close();
        return false;
    } catch {
        return true;
    }
}"""
_DECODED = """async () => {
    const all = [...(await pc.getStats()).values()];
    return all.find((s) => s.type === 'inbound-rtp' && s.kind === 'video')?.framesDecoded ?? 0;
}"""

pytestmark = [pytest.mark.e2e, pytest.mark.soak]


@pytest.mark.client("Firefox", "publishes")
@pytest.mark.client("Firefox", "plays")
async def test_a_second_firefox_sees_and_hears_each_codec_of_the_first(
    redis_url: str, client_runs: ClientRuns
) -> None:
    async with client_stage(redis_url) as stage, firefox() as sender, firefox() as receiver:
        async with await sender.publish_page(stage.url, "codecs") as page:
            codecs = await page.sendable_codecs()
        assert codecs == CODECS
        for codec in sorted(codecs):
            room = codec.removeprefix("video/")
            async with await sender.publish_page(stage.url, room) as publisher:
                await publisher.publish(codec)
                await publisher.tells(f"Live in {room}.")
                async with await receiver.watch_page(stage.url, room) as viewer:
                    await viewer.tells(f"Watching {room}.")
                    received = await viewer.sees_and_hears(SECONDS)
                    assert received.video_codec == codec
                    assert received.audio_codec == "audio/opus"
                    for direction in ("publishes", "plays"):
                        await client_runs.note("Firefox", sender.version, direction, stage, room)
                await publisher.stop()
                await stage.system.room_gone(room, within=5)


@pytest.mark.client("Firefox", "publishes")
async def test_chromium_sees_and_hears_the_layers_of_firefox(redis_url: str, client_runs: ClientRuns) -> None:
    async with client_stage(redis_url) as stage, firefox() as sender, chromium() as receiver:
        url = stage.system.controls[0].url

        async def all_sent() -> bool:
            room = (await stage.system.http.get(f"{url}/api/rooms/layers")).json()
            return [layer["height"] for layer in room["layers"] if layer["bitrate"]] == HEIGHTS

        async with await sender.publish_page(stage.url, "layers") as publisher:
            await publisher.publish("video/VP8", "720")
            await publisher.tells("Live in layers.")
            async with await open_watch_page(receiver, url, "layers") as viewer:
                await viewer.sees_and_hears(SECONDS)
                await eventually(f"layers of {HEIGHTS}", all_sent, SECONDS)
                await client_runs.note("Firefox", sender.version, "publishes", stage, "layers")


@pytest.mark.client("Firefox", "publishes")
@pytest.mark.client("Firefox", "plays")
async def test_firefox_publishes_and_watches_over_tcp(redis_url: str, client_runs: ClientRuns) -> None:
    async with (
        client_stage(redis_url) as stage,
        firefox(**OVER_TCP) as browser,
        await browser.publish_page(stage.url, "tcp") as publisher,
    ):
        await publisher.publish("video/VP8")
        await publisher.tells("Live in tcp.")
        async with await browser.watch_page(stage.url, "tcp") as viewer:
            await viewer.tells("Watching tcp.")
            await viewer.sees_and_hears(SECONDS, frames=50)
            for direction in ("publishes", "plays"):
                assert (await stage.seen("tcp", direction)).transport == "TCP, IPv4"
                await client_runs.note("Firefox", browser.version, direction, stage, "tcp")


async def test_firefox_is_told_which_codec_it_lacks(redis_url: str) -> None:
    async with client_stage(redis_url) as stage, firefox() as browser:
        with running_client(publish_command(stage.system.whip("h264"), [])):
            await stage.system.room_live("h264", within=10)
            async with await browser.watch_page(stage.url, "h264") as viewer:
                await viewer.tells("This browser cannot play h264: codec not supported by viewer: H264")


async def test_firefox_with_hidden_addresses_and_a_data_channel_sees(redis_url: str) -> None:
    async with (
        client_stage(redis_url) as stage,
        firefox(**HIDDEN) as browser,
        aiortc_client.publisher(stage.system.http, stage.whip("data")),
    ):
        page = await browser.new_page()
        await page.goto(f"{stage.url}/healthz")
        offer, answer = await page.evaluate(_PLAY_WITH_A_DATA_CHANNEL, stage.whep("data"))
        hosts = set(re.findall(r"a=candidate:.* (\S+) \d+ typ", offer))
        assert hosts
        assert all(host.endswith(".local") for host in hosts)
        assert "m=application 0 " in answer

        async def pictures() -> bool:
            return bool(await page.evaluate(_DECODED) > 10)

        await eventually("pictures", pictures, SECONDS)


async def test_an_ice_server_that_firefox_refuses_costs_itself_only(redis_url: str) -> None:
    async with (
        client_stage(redis_url, STUN_URLS=f"{BLOCKED},{ACCEPTED}") as stage,
        firefox() as browser,
        aiortc_client.publisher(stage.system.http, stage.whip("picky")),
        await browser.watch_page(stage.url, "picky") as viewer,
    ):
        assert await viewer.page.evaluate(_REFUSES, BLOCKED)
        await viewer.tells("Watching picky.")

        async def pictures() -> bool:
            return (await viewer.received()).frames_decoded > 10

        await eventually("pictures", pictures, SECONDS)
        given = await viewer.page.evaluate("connections.at(-1).getConfiguration().iceServers")
        assert [server["urls"] for server in given] == [[ACCEPTED]]
