"""Chromium publishes 5.1 as `multiopus`, to another one that offers it, and into a recording."""

from pathlib import Path

import av
import numpy
import pytest

from tests.support.browser import OpenPage, chromium
from tests.support.system import running_system
from tests.support.waiting import eventually

# Hz, in the order in which Chromium encodes, that of Vorbis: left, centre, right, rear left, rear right, low
TONES = [200, 400, 300, 500, 600, 60]
IN_FILE = [200, 300, 400, 60, 500, 600]  # as FFmpeg orders them
HEAR_SECONDS = 20.0
RATE = 48_000
_SURROUND = """
    window.context = new AudioContext({ sampleRate: 48000 });
    window.surround = (sdp) => sdp
        .replace(/a=rtpmap:111 .*/, 'a=rtpmap:111 multiopus/48000/6')
        .replace(/a=fmtp:111 .*/, 'a=fmtp:111 channel_mapping=0,4,1,2,3,5;num_streams=4;coupled_streams=2');
    window.connected = async (peer, url) => {
        const offer = await peer.createOffer();
        await peer.setLocalDescription({ type: 'offer', sdp: surround(offer.sdp) });
        const headers = { 'Content-Type': 'application/sdp' };
        const answer = await fetch(url, { method: 'POST', headers, body: peer.localDescription.sdp });
        if (answer.status !== 201) throw new Error(await answer.text());
        await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    };
"""
_PUBLISH = """async ([url, tones]) => {
    const merger = new ChannelMergerNode(context, { numberOfInputs: tones.length });
    tones.forEach((frequency, channel) => {
        const tone = new OscillatorNode(context, { frequency });
        tone.connect(merger, 0, channel);
        tone.start();
    });
    const out = new MediaStreamAudioDestinationNode(context, {
        channelCount: tones.length, channelCountMode: 'explicit', channelInterpretation: 'discrete',
    });
    merger.connect(out);
    window.peer = new RTCPeerConnection();
    peer.addTransceiver(out.stream.getAudioTracks()[0], { direction: 'sendonly' });
    await connected(peer, url);
}"""
_PLAY = """async (url) => {
    const peer = window.peer = new RTCPeerConnection();
    const { receiver } = peer.addTransceiver('audio', { direction: 'recvonly' });
    await connected(peer, url);
    const stream = new MediaStream([receiver.track]);
    Object.assign(document.createElement('audio'), { srcObject: stream, muted: true }).play();
    const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    context.createMediaStreamSource(stream).connect(splitter);
    window.analysers = [0, 1].map((channel) => {
        const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
        splitter.connect(analyser, channel);
        return analyser;
    });
}"""
_LOUDEST = """() => analysers.map((analyser) => {
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const most = Math.max(...bins);
    return most > -60 ? bins.indexOf(most) * analyser.context.sampleRate / analyser.fftSize : 0;
})"""

pytestmark = [pytest.mark.e2e, pytest.mark.soak]


async def test_each_channel_of_surround_is_recorded_in_its_place_and_played(
    redis_url: str, tmp_path: Path
) -> None:
    """A page hears two of them: Chromium decodes all, and gives pages no more."""
    settings = {"RECORD_ENABLED": "1", "RECORD_DIR": str(tmp_path), "PUBLISHER_GRACE": "0"}
    async with running_system(redis_url, **settings) as system, chromium() as browser:
        async with (
            OpenPage(await browser.new_page()) as publisher,
            OpenPage(await browser.new_page()) as viewer,
        ):
            for page in (publisher.page, viewer.page):
                await page.add_init_script(_SURROUND)
                await page.goto(system.controls[0].url)
            await publisher.page.evaluate(_PUBLISH, [system.whip("cinema"), TONES])
            await system.room_live("cinema", HEAR_SECONDS)
            await viewer.page.evaluate(_PLAY, system.whep("cinema"))

            async def in_place() -> bool:
                heard = await viewer.page.evaluate(_LOUDEST)
                return bool(heard == pytest.approx(TONES[:2], abs=8))

            await eventually("the first two tones", in_place, HEAR_SECONDS)
            await publisher.page.evaluate("peer.close()")
        await system.room_gone("cinema", HEAR_SECONDS)
        await eventually("the file", lambda: [*tmp_path.glob("cinema_*.webm")], HEAR_SECONDS)
    (path,) = tmp_path.glob("cinema_*.webm")
    with av.open(str(path)) as container:
        sound = numpy.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    sound = sound[:, RATE // 5 :]  # it begins softly
    loudest = abs(numpy.fft.rfft(sound)).argmax(axis=1) * RATE / sound.shape[1]
    assert list(loudest) == pytest.approx(IN_FILE, abs=8)
