/* A run of a publisher's packets in one piece of memory. Rooms keep thousands of them, of which nearly all go out
 * once and are never asked for again: so Python's objects of a packet are made when somebody asks.
 *
 * media/pure/run.py is the same in Python.
 */

#include "run.h"

#include <string.h>

enum { SHARED_FROM = 4 /* one in so many packets of a run, from which on a part shares its memory */ };

PyTypeObject *run_type;

static Run *allocate(void) {
    return (Run *)((allocfunc)PyType_GetSlot(run_type, Py_tp_alloc))(run_type, 0);
}

Run *new_run(int count, int size) {
    Run *run = allocate();
    if (!run)
        return NULL;
    run->count = count;
    run->packets = PyMem_Malloc(sizeof(RunPacket) * (size_t)count + (size_t)size);
    if (!run->packets) {
        Py_DECREF(run);
        PyErr_NoMemory();
        return NULL;
    }
    run->bytes = (uint8_t *)(run->packets + count);
    return run;
}

static void dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    Run *run = (Run *)self;
    if (run->whole)
        Py_DECREF(run->whole);
    else
        PyMem_Free(run->packets);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static int refuse_place(void) {
    PyErr_SetString(PyExc_IndexError, "the run has no such packets");
    return 0;
}

/* Some of its packets, in the same memory. */
static Run *shared_part(Run *run, int start) {
    Run *part = allocate();
    if (part) {
        part->whole = Py_NewRef(run->whole ? run->whole : (PyObject *)run);
        part->packets = run->packets + start;
        part->bytes = run->bytes;
    }
    return part;
}

/* The same in memory of its own. Elements and payloads lie one behind the other. */
static Run *copied_part(const Run *run, int start, int count) {
    const RunPacket *first = run->packets + start, *last = first + count - 1;
    int begin = first->elements_at, size = last->payload_at + last->payload_length - begin;
    Run *part = new_run(count, size);
    if (part) {
        memcpy(part->bytes, run->bytes + begin, (size_t)size);
        for (int place = 0; place < count; place++) {
            part->packets[place] = first[place];
            part->packets[place].elements_at -= begin;
            part->packets[place].payload_at -= begin;
        }
    }
    return part;
}

static PyObject *part(PyObject *self, PyObject *arguments) {
    Run *run = (Run *)self, *part;
    int start, stop;
    if (!PyArg_ParseTuple(arguments, "ii:part", &start, &stop))
        return NULL;
    if (start < 0 || start >= stop || stop > run->count)
        return refuse_place(), NULL;
    int count = stop - start, whole = run->whole ? ((Run *)run->whole)->count : run->count;
    /* who keeps a few packets must not keep all that came with them */
    part = count * SHARED_FROM < whole ? copied_part(run, start, count) : shared_part(run, start);
    if (!part)
        return NULL;
    part->index = run->index + (uint64_t)start;
    part->ssrc = run->ssrc;
    part->shift = run->shift;
    part->track = run->track;
    part->source = run->source;
    part->payload_type = run->payload_type;
    part->sequence = run->sequence + start;
    part->count = count;
    for (int place = 0; place < count; place++)
        part->octets += part->packets[place].payload_length;
    return (PyObject *)part;
}

/* --- its packets as Python's objects */

static PyObject *extensions(const Run *run, const RunPacket *packet) {
    Elements each = elements_of(run, packet);
    PyObject *list = PyList_New(0);
    while (list && next_element(&each)) {
        PyObject *element =
            Py_BuildValue("iy#", each.number, (const char *)each.value, (Py_ssize_t)each.length);
        if (!element || PyList_Append(list, element))
            Py_CLEAR(list);
        Py_XDECREF(element);
    }
    PyObject *tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

static PyObject *packet_at(const Run *run, int place) {
    static PyObject *packet_type;
    PyObject *module = packet_type ? NULL : PyImport_ImportModule("media.rtp.packet");
    if (module)
        packet_type = PyObject_GetAttrString(module, "RtpPacket");
    Py_XDECREF(module);
    if (!packet_type)
        return NULL;
    const RunPacket *packet = run->packets + place;
    PyObject *found = packet->profile < 0 ? PyTuple_New(0) : extensions(run, packet);
    return found ? PyObject_CallFunction(
                       packet_type, "OOiikkNy#", packet->padding ? Py_True : Py_False,
                       packet->marker ? Py_True : Py_False, run->payload_type, (run->sequence + place) & 0xFFFF,
                       (unsigned long)packet->timestamp, (unsigned long)run->source, found,
                       (const char *)run->bytes + packet->payload_at, (Py_ssize_t)packet->payload_length)
                 : NULL;
}

static PyObject *payload_at(const Run *run, int place) {
    const RunPacket *packet = run->packets + place;
    return PyBytes_FromStringAndSize((const char *)run->bytes + packet->payload_at, packet->payload_length);
}

/* RFC 3550 5.1: the last byte of padding is how long that is, itself included. */
static PyObject *content_at(const Run *run, int place) {
    const RunPacket *packet = run->packets + place;
    const uint8_t *payload = run->bytes + packet->payload_at;
    int length = packet->payload_length, padding = packet->padding && length ? payload[length - 1] : 0;
    if (packet->padding)
        length = padding && padding <= length ? length - padding : 0;
    return PyBytes_FromStringAndSize((const char *)payload, length);
}

static PyObject *size_at(const Run *run, int place) {
    return PyLong_FromLong(run->packets[place].payload_length);
}

static PyObject *timestamp_at(const Run *run, int place) {
    return PyLong_FromUnsignedLong((uint32_t)(run->packets[place].timestamp + run->shift));
}

static PyObject *marker_at(const Run *run, int place) {
    return PyBool_FromLong(run->packets[place].marker);
}

static PyObject *each(PyObject *self, PyObject *(*made)(const Run *, int)) {
    const Run *run = (Run *)self;
    PyObject *list = PyList_New(run->count);
    for (int place = 0; list && place < run->count; place++) {
        PyObject *one = made(run, place);
        if (!one)
            Py_CLEAR(list);
        else
            PyList_SetItem(list, place, one);
    }
    return list;
}

static PyObject *packets(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return each(self, packet_at);
}

static PyObject *payloads(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return each(self, payload_at);
}

static PyObject *contents(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return each(self, content_at);
}

static PyObject *sizes(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return each(self, size_at);
}

static PyObject *timestamps(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return each(self, timestamp_at);
}

static PyObject *markers(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return each(self, marker_at);
}

static PyObject *packet(PyObject *self, PyObject *argument) {
    const Run *run = (Run *)self;
    long place = PyLong_AsLong(argument);
    if (place == -1 && PyErr_Occurred())
        return NULL;
    if (place < 0 || place >= run->count)
        return refuse_place(), NULL;
    return packet_at(run, (int)place);
}

static Py_ssize_t length(PyObject *self) {
    return ((Run *)self)->count;
}

/* --- what is asked of all of them at once */

static PyObject *number(PyObject *self, PyObject *arguments) {
    Run *run = (Run *)self;
    unsigned long long index;
    unsigned long ssrc, shift;
    long track;
    if (!PyArg_ParseTuple(arguments, "lkKk:number", &track, &ssrc, &index, &shift))
        return NULL;
    run->track = track;
    run->ssrc = (uint32_t)ssrc;
    run->index = index;
    run->shift = (uint32_t)shift;
    Py_RETURN_NONE;
}

static PyObject *octets_of(PyObject *self, PyObject *argument) {
    const Run *run = (Run *)self;
    unsigned long wanted = PyLong_AsUnsignedLong(argument);
    long sum = 0;
    if (wanted == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    for (int place = 0; place < run->count; place++)
        if ((uint32_t)(run->packets[place].timestamp + run->shift) == wanted)
            sum += run->packets[place].payload_length;
    return PyLong_FromLong(sum);
}

/* The first element of each packet with that id, if it is a number of two bytes. */
static PyObject *numbers(PyObject *self, PyObject *argument) {
    const Run *run = (Run *)self;
    long wanted = PyLong_AsLong(argument);
    if (wanted == -1 && PyErr_Occurred())
        return NULL;
    PyObject *list = PyList_New(0);
    for (int place = 0; list && place < run->count; place++) {
        Elements each = elements_of(run, run->packets + place);
        while (next_element(&each)) {
            if (each.number != wanted)
                continue;
            if (each.length != 2)
                break;
            PyObject *found = PyLong_FromLong(each.value[0] << 8 | each.value[1]);
            int failed = !found || PyList_Append(list, found);
            Py_XDECREF(found);
            if (failed)
                Py_CLEAR(list);
            break;
        }
    }
    return list;
}

static PyObject *suspects(PyObject *self, PyObject *argument) {
    const Run *run = (Run *)self;
    PyObject *codec = PyUnicode_Check(argument) ? PyUnicode_AsUTF8String(argument) : NULL;
    if (!codec) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "the name of a codec is a str");
        return NULL;
    }
    PyObject *list = PyList_New(0);
    for (int place = 0; list && place < run->count; place++) {
        const RunPacket *packet = run->packets + place;
        if (!may_start(run->bytes + packet->payload_at, packet->payload_length, PyBytes_AsString(codec)))
            continue;
        PyObject *copy = payload_at(run, place);
        PyObject *pair = copy ? Py_BuildValue("iN", place, copy) : NULL;
        int failed = !pair || PyList_Append(list, pair);
        Py_XDECREF(pair);
        if (failed)
            Py_CLEAR(list);
    }
    Py_DECREF(codec);
    return list;
}

static PyObject *get_octets(PyObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromLong(((Run *)self)->octets);
}

static PyObject *get_track(PyObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromLong(((Run *)self)->track);
}

static PyObject *get_ssrc(PyObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromUnsignedLong(((Run *)self)->ssrc);
}

static PyObject *get_first(PyObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromUnsignedLongLong(((Run *)self)->index);
}

static PyObject *get_shift(PyObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromUnsignedLong(((Run *)self)->shift);
}

static PyMethodDef methods[] = {{"part", part, METH_VARARGS, NULL},
                                {"number", number, METH_VARARGS, NULL},
                                {"packet", packet, METH_O, NULL},
                                {"packets", packets, METH_NOARGS, NULL},
                                {"payloads", payloads, METH_NOARGS, NULL},
                                {"contents", contents, METH_NOARGS, NULL},
                                {"sizes", sizes, METH_NOARGS, NULL},
                                {"timestamps", timestamps, METH_NOARGS, NULL},
                                {"markers", markers, METH_NOARGS, NULL},
                                {"octets_of", octets_of, METH_O, NULL},
                                {"numbers", numbers, METH_O, NULL},
                                {"suspects", suspects, METH_O, NULL},
                                {"pictures", pictures, METH_VARARGS, NULL},
                                {"renumber", renumber, METH_VARARGS, NULL},
                                {"lay", lay, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static PyGetSetDef attributes[] = {{"octets", get_octets, NULL, NULL, NULL},
                                   {"track", get_track, NULL, NULL, NULL},
                                   {"ssrc", get_ssrc, NULL, NULL, NULL},
                                   {"first", get_first, NULL, NULL, NULL},
                                   {"shift", get_shift, NULL, NULL, NULL},
                                   {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot slots[] = {{Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {Py_tp_getset, attributes},
                              {Py_sq_length, length},   {0, NULL}};
static PyType_Spec spec = {"media.native.fan_out.Run", sizeof(Run), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

int make_run_type(void) {
    run_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return run_type != NULL;
}
