/* Which payloads may start a keyframe: starts_keyframe in media/payload decides, and is asked about these only. */

#include "run.h"

#include <string.h>

/* RFC 7741 4.2, 4.3: S, PID 0, and P of the frame behind the descriptor. */
static int vp8(const uint8_t *payload, int length) {
    int at = 1;
    if ((payload[0] & 0x17) != 0x10)
        return 0;
    if (payload[0] & 0x80) {
        if (length < 3)
            return 0;
        at += 1 + (payload[1] & 0x80 ? payload[2] & 0x80 ? 2 : 1 : 0) + !!(payload[1] & 0x40) +
              !!(payload[1] & 0x30);
    }
    return at < length && !(payload[at] & 1);
}

/* RFC 6184 5.2, 5.8: IDR and SPS, and aggregates. */
static int h264(const uint8_t *payload, int length) {
    int kind = payload[0] & 0x1F;
    if (kind != 28)
        return kind == 24 || kind == 5 || kind == 7;
    return length > 1 && payload[1] & 0x80 && ((payload[1] & 0x1F) == 5 || (payload[1] & 0x1F) == 7);
}

/* RFC 7798 4.4: random access pictures, VPS and SPS, and aggregates. */
static int h265(const uint8_t *payload, int length) {
    int kind = payload[0] >> 1 & 0x3F;
    if (kind == 49) {
        if (length < 3 || !(payload[2] & 0x80))
            return 0;
        kind = payload[2] & 0x3F;
    }
    return kind == 48 || (kind >= 16 && kind < 24) || kind == 32 || kind == 33;
}

int may_start(const uint8_t *payload, int length, const char *codec) {
    if (!length)
        return 0;
    if (!strcmp(codec, "VP8"))
        return vp8(payload, length);
    if (!strcmp(codec, "H264"))
        return h264(payload, length);
    if (!strcmp(codec, "H265"))
        return h265(payload, length);
    if (!strcmp(codec, "VP9")) /* RFC 9628 4.2: B without P */
        return (payload[0] & 0x48) == 0x08;
    if (!strcmp(codec, "AV1")) /* AV1 RTP specification 4.4: N, or no Z */
        return payload[0] & 0x08 || !(payload[0] & 0x80);
    return 1;
}
