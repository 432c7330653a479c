/* Header extensions (RFC 8285) of a run's packets, as read_extensions in media/rtp/extensions.py finds them. */

#include "run.h"

Elements elements_of(const Run *run, const RunPacket *packet) {
    const uint8_t *at = run->bytes + packet->elements_at;
    int short_form = packet->profile == 0xBEDE, long_form = (packet->profile & 0xFFF0) == 0x1000;
    int known = packet->profile >= 0 && (short_form || long_form);
    return (Elements){at, known ? at + packet->elements_length : at, NULL, short_form, 0, 0};
}

int next_element(Elements *each) {
    while (each->at < each->end) {
        int head = *each->at++;
        if (!head) /* padding */
            continue;
        if (each->short_form) {
            each->number = head >> 4;
            each->length = (head & 0x0F) + 1;
            if (each->number == 0 || each->number == 15) /* RFC 8285 4.2: ignore the rest */
                return 0;
        } else {
            if (each->at >= each->end)
                return 0;
            each->number = head;
            each->length = *each->at++;
        }
        if (each->length > each->end - each->at)
            return 0;
        each->value = each->at;
        each->at += each->length;
        return 1;
    }
    return 0;
}
