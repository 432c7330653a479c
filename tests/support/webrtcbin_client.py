"""A WHIP publisher and a WHEP viewer around GStreamer's `webrtcbin`, as developers write them.

`python3 webrtcbin_client.py publish|play VIDEO URL [WAVE_FILE]`, by the system's Python, which has
GStreamer. It prints `connected` and, as a viewer, `received` when it has decoded enough of picture and sound.
It lives until it is interrupted, and then ends its session with DELETE.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENOUGH = {"video": 25, "audio": 50}  # frames, and buffers of 20 ms
PICTURE = (
    "videotestsrc is-live=true pattern=ball"
    " ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! queue"
)
SOUND = "audiotestsrc is-live=true"
ENCODED = {
    "VP8": "vp8enc deadline=1 keyframe-max-dist=50 ! rtpvp8pay",
    "H264": (
        "x264enc tune=zerolatency speed-preset=ultrafast bframes=0 key-int-max=50"
        " ! video/x-h264,profile=constrained-baseline"
        " ! rtph264pay aggregate-mode=zero-latency config-interval=-1"
    ),
}
FORMS = {
    "VP8": "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
    "H264": (
        "application/x-rtp,media=video,encoding-name=H264,payload=97,clock-rate=90000,"
        "packetization-mode=(string)1"
    ),
    "OPUS": (
        "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,"
        "encoding-params=(string)2"
    ),
}


class Session:
    """From the offer to DELETE."""

    def __init__(self, pipeline: Any, url: str) -> None:
        self._url = url
        self._session = ""
        self._pipeline = pipeline
        self._rtc = pipeline.get_by_name("rtc")
        self._rtc.connect("notify::ice-gathering-state", self._on_gathering)
        self._rtc.connect("notify::connection-state", self._on_connection)

    def offer(self, *_: object) -> None:
        def made(promise: Any, *_: object) -> None:
            reply = promise.get_reply()  # it owns the offer
            self._rtc.emit("set-local-description", reply["offer"], Gst.Promise.new())

        self._rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(made))

    def end(self) -> None:
        if self._session:
            with contextlib.suppress(HTTPError):  # 404: its room has ended before
                urlopen(Request(self._session, method="DELETE")).close()

    def _on_gathering(self, rtc: Any, _: object) -> None:
        if rtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            threading.Thread(target=self._post, args=[rtc.get_property("local-description")]).start()

    def _post(self, offer: Any) -> None:
        body = offer.sdp.as_text().encode()
        request = Request(self._url, data=body, headers={"Content-Type": "application/sdp"})
        with urlopen(request) as response:
            self._session = urljoin(self._url, response.headers["Location"])
            _, answer = GstSdp.SDPMessage.new_from_text(response.read().decode())
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, answer)
        self._rtc.emit("set-remote-description", description, Gst.Promise.new())

    def _on_connection(self, rtc: Any, _: object) -> None:
        if rtc.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            print("connected", flush=True)


class Counter:
    """Counts what comes out of the decoders, and says when that is enough."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._counts = dict.fromkeys(ENOUGH, 0)
        self._said = False

    def on_stream(self, _: Any, pad: Any) -> None:
        """A stream of `webrtcbin` begins."""
        if pad.direction == Gst.PadDirection.SRC:
            decoder = Gst.ElementFactory.make("decodebin")
            decoder.connect("pad-added", self._on_decoded)
            self._add(decoder)
            pad.link(decoder.get_static_pad("sink"))

    def _on_decoded(self, _: Any, pad: Any) -> None:
        kind = pad.get_current_caps().to_string().partition("/")[0]
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("signal-handoffs", True)
        sink.connect("handoff", self._counted(kind))
        self._add(sink)
        pad.link(sink.get_static_pad("sink"))

    def _counted(self, kind: str) -> Callable[..., None]:
        def count(*_: object) -> None:
            self._counts[kind] += 1
            if not self._said and all(self._counts[kind] >= enough for kind, enough in ENOUGH.items()):
                self._said = True
                print("received", flush=True)

        return count

    def _add(self, element: Any) -> None:
        self._pipeline.add(element)
        element.sync_state_with_parent()


def publishing(video: str, wave: str = "") -> str:
    sound = f"filesrc location={wave} ! wavparse ! clocksync" if wave else SOUND
    return (
        f"webrtcbin name=rtc bundle-policy=max-bundle"
        f" {PICTURE} ! {ENCODED[video]} ! {FORMS[video]} ! rtc."
        f" {sound} ! audioconvert ! audioresample ! queue ! opusenc ! rtpopuspay ! {FORMS['OPUS']} ! rtc."
    )


def main(role: str, video: str, url: str, wave: str = "") -> None:
    Gst.init(None)
    print(Gst.version_string().removeprefix("GStreamer "), flush=True)
    loop = GLib.MainLoop()
    pipeline = Gst.parse_launch(
        publishing(video, wave) if role == "publish" else "webrtcbin name=rtc bundle-policy=max-bundle"
    )
    if role == "play":  # parse_launch returns a lone element as itself
        alone, pipeline = pipeline, Gst.Pipeline.new()
        pipeline.add(alone)
    rtc, session = pipeline.get_by_name("rtc"), Session(pipeline, url)
    rtc.connect("on-negotiation-needed", session.offer)
    if role == "play":
        rtc.connect("pad-added", Counter(pipeline).on_stream)
        for form in (FORMS["OPUS"], FORMS[video]):
            rtc.emit(
                "add-transceiver",
                GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                Gst.Caps.from_string(form),
            )
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message::error", lambda _, message: sys.exit(f"{message.parse_error()}"))
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, loop.quit)
    pipeline.set_state(Gst.State.PLAYING)
    with contextlib.suppress(KeyboardInterrupt):
        loop.run()
    session.end()
    pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    main(*sys.argv[1:])
