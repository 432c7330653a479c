/* Writes the headers of a burst as its viewers get them: what media/switch/packet_header.py does in Python.
 *
 * For the usual burst only: successive packets of one track, without extensions of the publisher.
 */

#include "laying.h"

#include <stdint.h>
#include <string.h>

enum { HEADER = LEAST_HEADER /* bytes, as all sizes here */ };

enum { TRACK, EXTENDED, TIMESTAMP, SSRC, PACKET, MARKER, PADDING, PAYLOAD, EXTENSIONS, NAMES };
static const char *const spelled[NAMES] = {"track",  "extended", "timestamp", "ssrc",      "packet",
                                           "marker", "padding",  "payload",   "extensions"};
static PyObject *names[NAMES];

static int find_names(void) {
    for (int place = 0; place < NAMES; place++)
        if (!names[place] && !(names[place] = PyUnicode_InternFromString(spelled[place])))
            return 0;
    return 1;
}

/* Returns 0 with an exception set. */
static int read_number(PyObject *of, int name, uint64_t *number) {
    PyObject *value = PyObject_GetAttr(of, names[name]);
    if (!value)
        return 0;
    *number = PyLong_AsUnsignedLongLongMask(value);
    Py_DECREF(value);
    return !PyErr_Occurred();
}

static int is_true(PyObject *of, int name) {
    PyObject *value = PyObject_GetAttr(of, names[name]);
    int result = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return result;
}

typedef struct {
    PyObject *headers, *payloads, *runs;
    uint64_t first, track; /* of the first packet */
    Py_ssize_t octets;
    int length, segment, most_run; /* of the run that grows */
} Laid;

/* As _runs in media/switch/laid_burst.py. Returns 0 with an exception set. */
static int end_run(Laid *laid) {
    PyObject *run = Py_BuildValue("ii", laid->length, laid->segment);
    int failed = !run || PyList_Append(laid->runs, run);
    Py_XDECREF(run);
    laid->length = 0;
    return !failed;
}

static int extend_run(Laid *laid, int size) {
    if (laid->length && (size > laid->segment || laid->length + size > laid->most_run) && !end_run(laid))
        return 0;
    if (!laid->length)
        laid->segment = size;
    laid->length += size;
    return size >= laid->segment || end_run(laid);
}

/* All but the numbers. */
static void write_header(uint8_t *header, int padding, int marker, int payload_type, uint64_t ssrc,
                         const char *block, Py_ssize_t block_length) {
    header[0] = (uint8_t)(0x80 | padding << 5 | (block_length ? 0x10 : 0));
    header[1] = (uint8_t)(marker << 7 | payload_type);
    for (int byte = 0; byte < 4; byte++)
        header[8 + byte] = (uint8_t)(ssrc >> 8 * (3 - byte));
    memcpy(header + HEADER, block, (size_t)block_length);
}

/* Returns 0: with an exception set, or without one for a packet that is not usual. */
static int lay_one(Laid *laid, PyObject *outgoing, Py_ssize_t place, int payload_type, uint64_t ssrc,
                   const char *block, Py_ssize_t block_length) {
    uint64_t track, index, timestamp;
    uint8_t header[HEADER + MOST_BLOCK];
    PyObject *packet = PyObject_GetAttr(outgoing, names[PACKET]), *written = NULL;
    PyObject *payload = packet ? PyObject_GetAttr(packet, names[PAYLOAD]) : NULL;
    int marker = payload ? is_true(packet, MARKER) : -1, padding = marker < 0 ? -1 : is_true(packet, PADDING);
    int extended = padding < 0 ? -1 : is_true(packet, EXTENSIONS), done = 0;
    if (marker < 0 || padding < 0 || extended || !PyBytes_Check(payload))
        goto end;
    if (!read_number(outgoing, TRACK, &track) || !read_number(outgoing, EXTENDED, &index) ||
         !read_number(outgoing, TIMESTAMP, &timestamp) ||
        (!ssrc && !read_number(outgoing, SSRC, &ssrc)))
        goto end;
    if (!place) {
        laid->first = index;
        laid->track = track;
    }
    if (track != laid->track || index != laid->first + (uint64_t)place)
        goto end;
    write_header(header, padding, marker, payload_type, ssrc, block, block_length);
    for (int byte = 0; byte < 2; byte++)
        header[2 + byte] = (uint8_t)(index >> 8 * (1 - byte));
    for (int byte = 0; byte < 4; byte++)
        header[4 + byte] = (uint8_t)(timestamp >> 8 * (3 - byte));
    Py_ssize_t octets = PyBytes_Size(payload);
    written = PyBytes_FromStringAndSize((const char *)header, HEADER + block_length);
    laid->octets += octets;
    done = written && octets <= 0xFFFF && !PyList_Append(laid->headers, written) &&
           !PyList_Append(laid->payloads, payload) &&
           extend_run(laid, (int)(HEADER + block_length + octets + TAG));
end:
    Py_XDECREF(written);
    Py_XDECREF(payload);
    Py_XDECREF(packet);
    return done;
}

PyObject *lay(PyObject *module, PyObject *arguments) {
    PyObject *list, *result = NULL;
    int payload_type;
    unsigned int ssrc;
    const char *block;
    Py_ssize_t block_length, place = 0;
    Laid laid = {0};
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!iIy#i:lay", &PyList_Type, &list, &payload_type, &ssrc, &block,
                          &block_length, &laid.most_run) ||
        !find_names())
        return NULL;
    PyObject *packets = PyList_AsTuple(list); /* the list may change meanwhile */
    Py_ssize_t count = packets ? PyTuple_Size(packets) : 0;
    laid.headers = PyList_New(0);
    laid.payloads = PyList_New(0);
    laid.runs = PyList_New(0);
    if (packets && laid.headers && laid.payloads && laid.runs && count && count <= MOST_PACKETS &&
        block_length <= MOST_BLOCK) {
        while (place < count && lay_one(&laid, PyTuple_GetItem(packets, place), place, payload_type & 0x7F,
                                        ssrc, block, block_length))
            place++;
        if (place == count && (!laid.length || end_run(&laid)))
            result = Py_BuildValue("OOOn", laid.headers, laid.payloads, laid.runs, laid.octets);
    }
    Py_XDECREF(laid.headers);
    Py_XDECREF(laid.payloads);
    Py_XDECREF(laid.runs);
    Py_XDECREF(packets);
    if (result || PyErr_Occurred())
        return result;
    Py_RETURN_NONE;
}

int lay_run(const Run *run, int payload_type, uint32_t ssrc, const char *block, Py_ssize_t block_length,
            int most_run, Burst *burst) {
    Segments *last = NULL;
    if (!run->outgoing_type || block_length > MOST_BLOCK)
        return 0;
    burst->packet_count = run->count;
    burst->run_count = burst->length = 0;
    burst->is_run = 1;
    for (int place = 0; place < run->count; place++) {
        const RunPacket *source = run->packets + place;
        Packet *packet = burst->packets + place;
        uint8_t *header = burst->headers[place];
        write_header(header, 0, source->marker, payload_type & 0x7F, ssrc ? ssrc : run->ssrc, block,
                     block_length);
        *packet = (Packet){header, run->bytes + source->payload_at, HEADER + (int)block_length,
                           source->payload_length};
        burst->timestamps[place] = source->timestamp + run->shift;
        int size = packet->header_length + packet->payload_length + TAG;
        /* as _runs in media/switch/laid_burst.py: neighbours of equal size, of which the last may be shorter */
        if (!last || size > last->size || last->length % last->size || last->length + size > most_run) {
            last = burst->runs + burst->run_count++;
            *last = (Segments){0, size};
        }
        last->length += size;
        burst->length += size;
        if (last->length > MOST_RUN || burst->length > SPACE)
            return 0;
    }
    return 1;
}
