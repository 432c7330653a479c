/* The numbers of pictures inside a run's packets: where they are, as media/payload/picture_id.py finds them, and
 * others in their place. Which ones, media/tracks/layer_ids.py says.
 */

#include "run.h"

#include <string.h>

enum { DESCRIPTOR = 3 /* bytes of one (AV1 RTP specification A.8.2), of which the last two are the frame number */ };

typedef struct {
    uint8_t *at;
    int bits; /* the low ones of the one or two bytes there; 0: it is not there */
} Field;

/* Where a picture id is, if there is one: RFC 7741 4.2, RFC 9628 4.2. 0: in no packet of that codec. */
static int place_of_id(const char *codec) {
    return !strcmp(codec, "VP8") ? 2 : !strcmp(codec, "VP9") ? 1 : 0;
}

static Field picture_id(const Run *run, const RunPacket *packet, int at) {
    uint8_t *payload = run->bytes + packet->payload_at;
    int length = packet->payload_length;
    if (!at || at >= length || !(payload[0] & 0x80) || (at == 2 && !(payload[1] & 0x80)))
        return (Field){NULL, 0};
    if (!(payload[at] & 0x80))
        return (Field){payload + at, 7};
    return at + 2 <= length ? (Field){payload + at, 15} : (Field){NULL, 0};
}

static Field frame_number(const Run *run, const RunPacket *packet, long descriptor) {
    Elements each = elements_of(run, packet);
    if (descriptor < 0 || descriptor > 255 || !(run->elements[descriptor >> 6] >> (descriptor & 63) & 1))
        return (Field){NULL, 0};
    while (next_element(&each))
        if (each.number == descriptor)
            return each.length < DESCRIPTOR ? (Field){NULL, 0}
                                            : (Field){run->bytes + (each.value - run->bytes) + 1, 16};
    return (Field){NULL, 0};
}

static int value_of(Field field) {
    int value = field.at[0];
    if (field.bits > 7)
        value = value << 8 | field.at[1];
    return value & ((1 << field.bits) - 1);
}

static void add(Field field, int offset) {
    if (!field.bits || !offset)
        return;
    int value = (value_of(field) + offset) & ((1 << field.bits) - 1);
    if (field.bits > 7) {
        field.at[0] = (uint8_t)(value >> 8 | (field.bits == 15) << 7);
        field.at[1] = (uint8_t)value;
    } else
        field.at[0] = (uint8_t)value;
}

PyObject *pictures(PyObject *self, PyObject *arguments) {
    const Run *run = (Run *)self;
    const char *codec;
    long descriptor;
    uint32_t timestamp = 0;
    int bits = 0, id = -1, frame = -1; /* of the packet before */
    if (!PyArg_ParseTuple(arguments, "sl:pictures", &codec, &descriptor))
        return NULL;
    int at = place_of_id(codec);
    PyObject *list = PyList_New(0);
    for (int place = 0; list && place < run->count; place++) {
        const RunPacket *packet = run->packets + place;
        Field in_payload = picture_id(run, packet, at), in_element = frame_number(run, packet, descriptor);
        if (!in_payload.bits && !in_element.bits)
            continue;
        int own_id = in_payload.bits ? value_of(in_payload) : -1;
        int own_frame = in_element.bits ? value_of(in_element) : -1;
        if (PyList_Size(list) && packet->timestamp == timestamp && in_payload.bits == bits && own_id == id &&
            own_frame == frame)
            continue;
        timestamp = packet->timestamp;
        bits = in_payload.bits;
        id = own_id;
        frame = own_frame;
        PyObject *picture = Py_BuildValue("kiii", (unsigned long)timestamp, bits, id, frame);
        int failed = !picture || PyList_Append(list, picture);
        Py_XDECREF(picture);
        if (failed)
            Py_CLEAR(list);
    }
    return list;
}

PyObject *renumber(PyObject *self, PyObject *arguments) {
    const Run *run = (Run *)self;
    const char *codec;
    long descriptor;
    int of_pictures, of_frames;
    if (!PyArg_ParseTuple(arguments, "slii:renumber", &codec, &descriptor, &of_pictures, &of_frames))
        return NULL;
    of_pictures &= 0xFFFF; /* as many bits as the longest field has */
    of_frames &= 0xFFFF;
    int at = place_of_id(codec);
    for (int place = 0; place < run->count; place++) {
        add(picture_id(run, run->packets + place, at), of_pictures);
        add(frame_number(run, run->packets + place, descriptor), of_frames);
    }
    Py_RETURN_NONE;
}
