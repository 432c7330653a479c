/* To Python a run of datagrams is a sequence of bytes; each is made when somebody asks. */

#include "joined.h"

enum {
    HEAD = 12, /* bytes, of RTP (RFC 3550 5.1) */
    MOST_SPARE = 64 /* runs of two datagrams or more that one call reads, about */
};

PyTypeObject *joined_type;

/* What was used last is used next: it is in the cache. */
static uint8_t *spare[MOST_SPARE];
static int spare_count;

uint8_t *new_space(void) {
    return spare_count ? spare[--spare_count] : PyMem_Malloc(JOINED);
}

void free_space(uint8_t *space) {
    if (space && spare_count < MOST_SPARE)
        spare[spare_count++] = space;
    else
        PyMem_Free(space);
}

PyObject *new_joined(uint8_t *space, int length, int size) {
    Joined *joined = (Joined *)((allocfunc)PyType_GetSlot(joined_type, Py_tp_alloc))(joined_type, 0);
    if (!joined) {
        free_space(space);
        return NULL;
    }
    joined->length = length;
    joined->size = size;
    joined->bytes = space;
    return (PyObject *)joined;
}

static void dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    free_space(((Joined *)self)->bytes);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static Py_ssize_t count(PyObject *self) {
    const Joined *joined = (Joined *)self;
    return (joined->length + joined->size - 1) / joined->size;
}

static PyObject *item(PyObject *self, Py_ssize_t place) {
    const Joined *joined = (Joined *)self;
    if (place < 0 || place >= count(self)) {
        PyErr_SetString(PyExc_IndexError, "so many datagrams were not joined");
        return NULL;
    }
    Py_ssize_t at = place * joined->size, left = joined->length - at;
    return PyBytes_FromStringAndSize((const char *)joined->bytes + at, left < joined->size ? left : joined->size);
}

static PyObject *head(PyObject *self, void *nothing) {
    const Joined *joined = (Joined *)self;
    (void)nothing;
    return PyBytes_FromStringAndSize((const char *)joined->bytes, joined->size < HEAD ? joined->size : HEAD);
}

static PyObject *begin_within(PyObject *self, PyObject *arguments) {
    const Joined *joined = (Joined *)self;
    int least, most, within = 1;
    if (!PyArg_ParseTuple(arguments, "ii:begin_within", &least, &most))
        return NULL;
    for (int at = 0; at < joined->length; at += joined->size)
        within &= joined->bytes[at] >= least && joined->bytes[at] <= most;
    return PyBool_FromLong(within);
}

static PyObject *octets(PyObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromLong(((Joined *)self)->length);
}

static PyMethodDef methods[] = {{"begin_within", begin_within, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static PyGetSetDef attributes[] = {{"octets", octets, NULL, NULL, NULL},
                                   {"head", head, NULL, NULL, NULL},
                                   {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot slots[] = {{Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {Py_tp_getset, attributes},
                              {Py_sq_length, count},    {Py_sq_item, item},       {0, NULL}};
static PyType_Spec spec = {"media.native.fan_out.Joined", sizeof(Joined), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

int make_joined_type(void) {
    joined_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return joined_type != NULL;
}
