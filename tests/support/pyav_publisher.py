"""usage: pyav_publisher.py URL SECONDS [OPTION=VALUE]...

Publishes a grey picture and silence by WHIP with PyAV, whose FFmpeg is built with GnuTLS. The options are
those of FFmpeg's muxer.
"""

import sys
import time
from fractions import Fraction

import av
import numpy as np

RATE = 25  # pictures a second
SAMPLES = 48_000 // RATE


def publish(url: str, seconds: float, options: dict[str, str]) -> None:
    picture = av.VideoFrame.from_ndarray(np.full((360, 320), 128, np.uint8), format="yuv420p")
    sound = av.AudioFrame.from_ndarray(np.zeros((1, 2 * SAMPLES), np.int16), format="s16", layout="stereo")
    sound.rate = 48_000
    with av.open(url, "w", format="whip", options=options) as output:
        video = output.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        video.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
        video.codec_context.gop_size = RATE
        video.codec_context.max_b_frames = 0
        audio = output.add_stream("libopus", rate=48_000, layout="stereo")
        began_at = time.monotonic()
        for number in range(int(seconds * RATE)):
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            sound.pts, sound.time_base = number * SAMPLES, Fraction(1, 48_000)
            output.mux(video.encode(picture))
            output.mux(audio.encode(sound))
            time.sleep(max(0.0, began_at + (number + 1) / RATE - time.monotonic()))


if __name__ == "__main__":
    publish(sys.argv[1], float(sys.argv[2]), dict(option.split("=", 1) for option in sys.argv[3:]))
