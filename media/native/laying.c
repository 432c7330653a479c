/* Writes the headers of a run as its viewers get them, and says which datagrams go out in one send: what
 * media/pure/run.py does in Python.
 */

#include "laying.h"

#include <string.h>

enum {
    HEADER = LEAST_HEADER, /* bytes, as all sizes here */
    EXTENSION = 4, /* what precedes the elements: profile, and length in words */
    MOST_IDS = 256,
    MOST_VALUE = 16
};

typedef struct {
    uint8_t *at, *end; /* of the room for elements */
    int count, is_long; /* whether one does not fit into the short form (RFC 8285 4.2) */
} Block;

/* Appends an element in the long form (RFC 8285 4.3). Returns 0 if there is no room. */
static int append(Block *block, int number, const uint8_t *value, int length) {
    if (block->end - block->at < 2 + length)
        return 0;
    block->is_long |= number >= 15 || length < 1 || length > 16;
    block->count++;
    *block->at++ = (uint8_t)number;
    *block->at++ = (uint8_t)length;
    memcpy(block->at, value, (size_t)length);
    block->at += length;
    return 1;
}

/* From the long form to the short one, in place. Returns its end. */
static uint8_t *shorten(uint8_t *start, const uint8_t *end) {
    uint8_t *to = start;
    for (const uint8_t *from = start; from < end;) {
        int number = from[0], length = from[1];
        *to++ = (uint8_t)(number << 4 | (length - 1));
        memmove(to, from + 2, (size_t)length);
        to += length;
        from += 2 + length;
    }
    return to;
}

/* Writes the extensions behind a header. Returns their bytes, or -1 if they have no room. */
static int write_extensions(const Run *run, const RunPacket *packet, const Form *form, uint8_t *out,
                            const uint8_t *end) {
    Elements each = elements_of(run, packet);
    uint8_t *start = out + EXTENSION;
    if (end - out < EXTENSION)
        return -1;
    Block block = {start, (uint8_t *)end - 3, 0, 0}; /* and up to three of padding */
    while (next_element(&each)) {
        int number = (uint8_t)form->ids[each.number];
        if (number && !append(&block, number, each.value, each.length))
            return -1;
    }
    if (form->element && !append(&block, form->element, (const uint8_t *)form->value, (int)form->value_length))
        return -1;
    if (!block.count)
        return 0;
    uint8_t *at = block.is_long ? block.at : shorten(start, block.at);
    while ((at - start) & 3)
        *at++ = 0;
    int words = (int)(at - start) / 4, profile = block.is_long ? 0x1000 : 0xBEDE;
    out[0] = (uint8_t)(profile >> 8);
    out[1] = (uint8_t)profile;
    out[2] = (uint8_t)(words >> 8);
    out[3] = (uint8_t)words;
    return (int)(at - out);
}

static void write_number(uint8_t *at, int bytes, uint64_t number) {
    for (int byte = 0; byte < bytes; byte++)
        at[byte] = (uint8_t)(number >> 8 * (bytes - 1 - byte));
}

static int refuse(const char *why) {
    PyErr_SetString(PyExc_ValueError, why);
    return 0;
}

/* A run of datagrams goes out in one send: neighbours of equal size, of which the last may be shorter. */
static void cut(Burst *burst, int size, int most) {
    Segments *last = burst->run_count ? burst->runs + burst->run_count - 1 : NULL;
    if (!last || size > last->size || last->length % last->size || last->length + size > most) {
        last = burst->runs + burst->run_count++;
        *last = (Segments){0, size};
    }
    last->length += size;
    burst->length += size;
}

int lay_run(const Run *run, const Form *form, int most, Burst *burst) {
    uint8_t *at = burst->headers;
    const uint8_t *end = at + sizeof burst->headers;
    if (form->ids_length != MOST_IDS || form->value_length > MOST_VALUE || form->element < 0 || form->element > 255)
        return refuse("that is no form");
    burst->packet_count = run->count;
    burst->run_count = burst->length = 0;
    for (int place = 0; place < run->count; place++) {
        const RunPacket *source = run->packets + place;
        if (end - at < HEADER)
            return refuse("the headers are too long");
        int extensions = write_extensions(run, source, form, at + HEADER, end);
        if (extensions < 0)
            return refuse("the headers are too long");
        uint32_t timestamp = source->timestamp + run->shift;
        at[0] = (uint8_t)(0x80 | source->padding << 5 | (extensions ? 0x10 : 0));
        at[1] = (uint8_t)(source->marker << 7 | (form->payload_type & 0x7F));
        write_number(at + 2, 2, run->index + (uint64_t)place);
        write_number(at + 4, 4, timestamp);
        write_number(at + 8, 4, form->ssrc ? form->ssrc : run->ssrc);
        burst->packets[place] =
            (Packet){at, run->bytes + source->payload_at, HEADER + extensions, source->payload_length};
        burst->timestamps[place] = timestamp;
        cut(burst, HEADER + extensions + source->payload_length + TAG, most);
        at += HEADER + extensions;
        if (burst->length > SPACE || burst->runs[burst->run_count - 1].length > MOST_RUN)
            return refuse("the run is too long");
    }
    return 1;
}

PyObject *lay(PyObject *self, PyObject *arguments) {
    static Burst burst; /* the interpreter's lock is held all the time */
    Form form;
    int most;
    if (!PyArg_ParseTuple(arguments, "(iIy#iy#)i:lay", &form.payload_type, &form.ssrc, &form.ids, &form.ids_length,
                          &form.element, &form.value, &form.value_length, &most) ||
        !lay_run((Run *)self, &form, most, &burst))
        return NULL;
    PyObject *headers = PyList_New(0), *payloads = PyList_New(0), *sends = PyList_New(0);
    int failed = !headers || !payloads || !sends;
    for (int place = 0; !failed && place < burst.packet_count; place++) {
        const Packet *packet = burst.packets + place;
        PyObject *header = PyBytes_FromStringAndSize((const char *)packet->header, packet->header_length);
        PyObject *payload = PyBytes_FromStringAndSize((const char *)packet->payload, packet->payload_length);
        failed = !header || !payload || PyList_Append(headers, header) || PyList_Append(payloads, payload);
        Py_XDECREF(header);
        Py_XDECREF(payload);
    }
    for (int place = 0; !failed && place < burst.run_count; place++) {
        PyObject *one = Py_BuildValue("ii", burst.runs[place].length, burst.runs[place].size);
        failed = !one || PyList_Append(sends, one);
        Py_XDECREF(one);
    }
    PyObject *result = failed ? NULL : Py_BuildValue("OOO", headers, payloads, sends);
    Py_XDECREF(headers);
    Py_XDECREF(payloads);
    Py_XDECREF(sends);
    return result;
}
