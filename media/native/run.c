/* A run of a publisher's packets in one piece of memory. Rooms keep thousands of them, of which nearly all go out
 * once and are never asked for again: so Python's objects of a packet are made when somebody asks.
 *
 * To Python it is a sequence of what media/tracks/outgoing.py has.
 */

#include "run.h"

#include <string.h>

PyTypeObject *run_type;

Run *new_run(PyObject *packet_type, int count, int size) {
    Run *run = (Run *)((allocfunc)PyType_GetSlot(run_type, Py_tp_alloc))(run_type, 0);
    if (!run)
        return NULL;
    run->count = count;
    run->packet_type = Py_NewRef(packet_type);
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
    PyMem_Free(run->packets);
    Py_XDECREF(run->packet_type);
    Py_XDECREF(run->outgoing_type);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
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
    const RunPacket *packet = run->packets + place;
    PyObject *found = packet->profile < 0 ? PyTuple_New(0) : extensions(run, packet);
    return found ? PyObject_CallFunction(
                       run->packet_type, "OOiikkNy#", Py_False, packet->marker ? Py_True : Py_False,
                       run->payload_type, (run->sequence + place) & 0xFFFF, (unsigned long)packet->timestamp,
                       (unsigned long)run->source, found, (const char *)run->bytes + packet->payload_at,
                       (Py_ssize_t)packet->payload_length)
                 : NULL;
}

static PyObject *item(PyObject *self, Py_ssize_t place) {
    const Run *run = (Run *)self;
    if (place < 0 || place >= run->count) {
        PyErr_SetString(PyExc_IndexError, "the run has no such packet");
        return NULL;
    }
    if (!run->outgoing_type) {
        PyErr_SetString(PyExc_ValueError, "the run is not numbered");
        return NULL;
    }
    PyObject *packet = packet_at(run, (int)place);
    uint32_t timestamp = run->packets[place].timestamp + run->shift;
    return packet ? PyObject_CallFunction(run->outgoing_type, "lkKkN", run->track, (unsigned long)run->ssrc,
                                          (unsigned long long)(run->index + (uint64_t)place),
                                          (unsigned long)timestamp, packet)
                  : NULL;
}

static Py_ssize_t length(PyObject *self) {
    return ((Run *)self)->count;
}

static PyObject *packets(PyObject *self, PyObject *nothing) {
    const Run *run = (Run *)self;
    (void)nothing;
    PyObject *list = PyList_New(run->count);
    for (int place = 0; list && place < run->count; place++) {
        PyObject *packet = packet_at(run, place);
        if (!packet)
            Py_CLEAR(list);
        else
            PyList_SetItem(list, place, packet);
    }
    return list;
}

/* --- what is asked of all of them at once */

static PyObject *number(PyObject *self, PyObject *arguments) {
    Run *run = (Run *)self;
    PyObject *type;
    unsigned long long index;
    unsigned long ssrc, shift;
    long track;
    if (!PyArg_ParseTuple(arguments, "OlkKk:number", &type, &track, &ssrc, &index, &shift))
        return NULL;
    Py_XDECREF(run->outgoing_type);
    run->outgoing_type = Py_NewRef(type);
    run->track = track;
    run->ssrc = (uint32_t)ssrc;
    run->index = index;
    run->shift = (uint32_t)shift;
    Py_RETURN_NONE;
}

static PyObject *timestamps(PyObject *self, PyObject *nothing) {
    const Run *run = (Run *)self;
    (void)nothing;
    PyObject *list = PyList_New(run->count), *timestamp = NULL;
    for (int place = 0; list && place < run->count; place++) {
        if (!place || run->packets[place].timestamp != run->packets[place - 1].timestamp) {
            Py_XDECREF(timestamp);
            timestamp = PyLong_FromUnsignedLong(run->packets[place].timestamp);
        }
        if (!timestamp)
            Py_CLEAR(list);
        else
            PyList_SetItem(list, place, Py_NewRef(timestamp));
    }
    Py_XDECREF(timestamp);
    return list;
}

static PyObject *size(PyObject *self, PyObject *argument) {
    const Run *run = (Run *)self;
    long place = PyLong_AsLong(argument);
    if (place == -1 && PyErr_Occurred())
        return NULL;
    if (place < 0 || place >= run->count) {
        PyErr_SetString(PyExc_IndexError, "the run has no such packet");
        return NULL;
    }
    return PyLong_FromLong(run->packets[place].payload_length);
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

static PyObject *has_any(PyObject *self, PyObject *ids) {
    const Run *run = (Run *)self;
    int found = 0;
    if (!(run->elements[0] | run->elements[1] | run->elements[2] | run->elements[3]))
        Py_RETURN_FALSE;
    PyObject *each, *iterator = PyObject_GetIter(ids);
    while (iterator && (each = PyIter_Next(iterator))) {
        long id = PyLong_AsLong(each);
        Py_DECREF(each);
        if (id == -1 && PyErr_Occurred())
            break;
        found |= id >= 0 && id < 256 && run->elements[id >> 6] >> (id & 63) & 1;
    }
    Py_XDECREF(iterator);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(found);
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
        const uint8_t *payload = run->bytes + packet->payload_at;
        if (!may_start(payload, packet->payload_length, PyBytes_AsString(codec)))
            continue;
        PyObject *copy = PyBytes_FromStringAndSize((const char *)payload, packet->payload_length);
        int failed = !copy || PyList_Append(list, copy);
        Py_XDECREF(copy);
        if (failed)
            Py_CLEAR(list);
    }
    Py_DECREF(codec);
    return list;
}

static PyObject *octets(PyObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromLong(((Run *)self)->octets);
}

static PyMethodDef methods[] = {{"packets", packets, METH_NOARGS, NULL},
                                {"number", number, METH_VARARGS, NULL},
                                {"timestamps", timestamps, METH_NOARGS, NULL},
                                {"octets_of", octets_of, METH_O, NULL},
                                {"size", size, METH_O, NULL},
                                {"has_any", has_any, METH_O, NULL},
                                {"numbers", numbers, METH_O, NULL},
                                {"suspects", suspects, METH_O, NULL},
                                {"pictures", pictures, METH_VARARGS, NULL},
                                {"renumber", renumber, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static PyGetSetDef attributes[] = {{"octets", octets, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot slots[] = {{Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {Py_tp_getset, attributes},
                              {Py_sq_length, length},   {Py_sq_item, item},       {0, NULL}};
static PyType_Spec spec = {"media.native.fan_out.Run", sizeof(Run), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

int make_run_type(void) {
    run_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return run_type != NULL;
}
