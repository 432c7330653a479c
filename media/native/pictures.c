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
    if (descriptor < 1)
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
    int start = 0;
    if (!PyArg_ParseTuple(arguments, "sl:pictures", &codec, &descriptor))
        return NULL;
    int at = place_of_id(codec);
    PyObject *list = PyList_New(0);
    while (list && start < run->count) {
        const RunPacket *first = run->packets + start;
        Field id = picture_id(run, first, at), frame = frame_number(run, first, descriptor);
        int stop = start + 1;
        for (; stop < run->count; stop++) {
            const RunPacket *packet = run->packets + stop;
            Field own_id = picture_id(run, packet, at), own_frame = frame_number(run, packet, descriptor);
            if (packet->timestamp != first->timestamp || own_id.bits != id.bits || own_frame.bits != frame.bits ||
                (id.bits && value_of(own_id) != value_of(id)) ||
                (frame.bits && value_of(own_frame) != value_of(frame)))
                break;
        }
        if (id.bits || frame.bits) {
            PyObject *picture = Py_BuildValue("iikiii", start, stop, (unsigned long)first->timestamp, id.bits,
                                              id.bits ? value_of(id) : -1, frame.bits ? value_of(frame) : -1);
            int failed = !picture || PyList_Append(list, picture);
            Py_XDECREF(picture);
            if (failed)
                Py_CLEAR(list);
        }
        start = stop;
    }
    return list;
}

PyObject *renumber(PyObject *self, PyObject *arguments) {
    const Run *run = (Run *)self;
    const char *codec;
    long descriptor;
    int start, stop, of_picture, of_frame;
    if (!PyArg_ParseTuple(arguments, "iislii:renumber", &start, &stop, &codec, &descriptor, &of_picture, &of_frame))
        return NULL;
    if (start < 0 || start > stop || stop > run->count) {
        PyErr_SetString(PyExc_IndexError, "the run has no such packets");
        return NULL;
    }
    of_picture &= 0xFFFF; /* as many bits as the longest field has */
    of_frame &= 0xFFFF;
    int at = place_of_id(codec);
    for (int place = start; place < stop; place++) {
        add(picture_id(run, run->packets + place, at), of_picture);
        add(frame_number(run, run->packets + place, descriptor), of_frame);
    }
    Py_RETURN_NONE;
}
