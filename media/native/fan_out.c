/* The module media.native.fan_out: sending.c for Python, opening.c and receiving.c. fan_out.pyi says what it takes and returns. */

#include "joined.h"
#include "laying.h"

#include <arpa/inet.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    Key key;
    PyObject *latest; /* the address that it was sent to last, which is the next one, too, ... */
    Target parsed; /* ... and what it says */
} Cipher;

static PyTypeObject *cipher_type;
static int busy;

/* --- from Python's values: each returns 0 with an exception set */

static int refuse(const char *why) {
    PyErr_SetString(PyExc_ValueError, why);
    return 0;
}

static int read_bytes(PyObject *value, const uint8_t **bytes, Py_ssize_t *length) {
    char *start;
    if (!value || PyBytes_AsStringAndSize(value, &start, length))
        return 0;
    *bytes = (const uint8_t *)start;
    return 1;
}

static int read_packets(PyObject *headers, PyObject *payloads, Burst *burst) {
    Py_ssize_t count = PyTuple_Size(headers), header, payload, length = 0;
    if (count > MOST_PACKETS || count != PyTuple_Size(payloads))
        return refuse("not as many payloads as headers, or too many");
    for (Py_ssize_t place = 0; place < count; place++) {
        Packet *packet = burst->packets + place;
        if (!read_bytes(PyTuple_GetItem(headers, place), &packet->header, &header) ||
            !read_bytes(PyTuple_GetItem(payloads, place), &packet->payload, &payload))
            return 0;
        if (header < LEAST_HEADER || header > MOST_RUN || payload > MOST_RUN)
            return refuse("a packet is too short or too long");
        packet->header_length = (int)header;
        packet->payload_length = (int)payload;
        length += header + payload + TAG;
    }
    if (length > SPACE)
        return refuse("the burst is too long");
    burst->packet_count = (int)count;
    burst->length = (int)length;
    return 1;
}

static int read_runs(PyObject *runs, Burst *burst) {
    Py_ssize_t count = PyTuple_Size(runs);
    int length = 0;
    if (count > MOST_PACKETS)
        return refuse("too many runs");
    for (Py_ssize_t place = 0; place < count; place++) {
        Segments *run = burst->runs + place;
        PyObject *pair = PyTuple_GetItem(runs, place);
        if (!PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "ii", &run->length, &run->size))
            return PyErr_Occurred() ? 0 : refuse("a run is no pair");
        if (run->length < 1 || run->length > MOST_RUN || run->size < 1 || run->size > MOST_RUN)
            return refuse("a run is too short or too long");
        length += run->length;
    }
    burst->run_count = (int)count;
    return length == burst->length ? 1 : refuse("the runs are not the burst");
}

static int read_address(PyObject *address, Target *target) {
    const char *host;
    int port, flow = 0, scope = 0, read;
    memset(&target->address, 0, sizeof target->address);
    if (!PyTuple_Check(address) || (PyTuple_Size(address) != 2 && PyTuple_Size(address) != 4))
        return refuse("no address of UDP");
    if (!PyArg_ParseTuple(address, "si|ii", &host, &port, &flow, &scope))
        return 0;
    if (port < 0 || port > 0xFFFF)
        return refuse("no port has that number");
    if (PyTuple_Size(address) == 2) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)&target->address;
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons((uint16_t)port);
        read = inet_pton(AF_INET, host, &ipv4->sin_addr);
        target->address_length = sizeof *ipv4;
    } else {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&target->address;
        ipv6->sin6_family = AF_INET6;
        ipv6->sin6_port = htons((uint16_t)port);
        ipv6->sin6_flowinfo = htonl((uint32_t)flow);
        ipv6->sin6_scope_id = (uint32_t)scope;
        read = inet_pton(AF_INET6, host, &ipv6->sin6_addr);
        target->address_length = sizeof *ipv6;
    }
    return read == 1 ? 1 : refuse("the host is no IP address");
}

/* `numbered`: for how many packets it has numbers. */
static int read_target(PyObject *value, Py_ssize_t numbered, Target *target) {
    Py_ssize_t length;
    const uint8_t *numbers;
    if (!PyTuple_Check(value) || PyTuple_Size(value) != 3)
        return refuse("a target has three parts");
    PyObject *lent = PyTuple_GetItem(value, 0), *address = PyTuple_GetItem(value, 1);
    if (!PyObject_TypeCheck(lent, cipher_type))
        return refuse("a target begins with a Cipher");
    Cipher *cipher = (Cipher *)lent;
    if (address != cipher->latest) {
        Py_CLEAR(cipher->latest);
        if (!read_address(address, &cipher->parsed))
            return 0;
        cipher->latest = Py_NewRef(address);
        cipher->parsed.key = &cipher->key;
    }
    if (!read_bytes(PyTuple_GetItem(value, 2), &numbers, &length))
        return 0;
    *target = cipher->parsed;
    target->numbers = numbers;
    return length == numbered * NUMBERS ? 1 : refuse("not as many numbers as packets");
}

/* --- what Python calls */

static PyObject *send_to_targets(int socket, const Burst *burst, Py_ssize_t numbered, PyObject *targets) {
    Counts counts = {0, 0, 0};
    Py_ssize_t count = PyTuple_Size(targets);
    int encrypted;
    Target *read = PyMem_Calloc((size_t)count + 1, sizeof *read);
    if (!read)
        return PyErr_NoMemory();
    for (Py_ssize_t place = 0; place < count; place++) {
        if (!read_target(PyTuple_GetItem(targets, place), numbered, read + place)) {
            PyMem_Free(read);
            return NULL;
        }
    }
    Py_BEGIN_ALLOW_THREADS
    encrypted = send_to_all(socket, burst, read, (size_t)count, &counts);
    Py_END_ALLOW_THREADS
    PyMem_Free(read);
    if (!encrypted) {
        PyErr_SetString(PyExc_RuntimeError, "OpenSSL did not encrypt");
        return NULL;
    }
    return Py_BuildValue("lll", counts.packets, counts.octets, counts.dropped);
}

static Burst burst; /* there is one, as there is one of all that sending.c needs: see `busy` */

static PyObject *send_burst(int socket, PyObject *headers, PyObject *payloads, PyObject *runs,
                            PyObject *targets) {
    if (!read_packets(headers, payloads, &burst) || !read_runs(runs, &burst))
        return NULL;
    burst.is_run = 0;
    return send_to_targets(socket, &burst, burst.packet_count, targets);
}

static int begin(void) {
    if (busy)
        PyErr_SetString(PyExc_RuntimeError, "another thread is sending");
    return busy ? 0 : (busy = 1);
}

static PyObject *send_run(PyObject *module, PyObject *arguments) {
    PyObject *run, *list, *targets, *result = NULL;
    const char *block;
    unsigned int ssrc;
    int socket, payload_type, most_run;
    Py_ssize_t block_length;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "iO!iIy#iO:send_run", &socket, run_type, &run, &payload_type, &ssrc, &block,
                          &block_length, &most_run, &list) ||
        !begin())
        return NULL;
    if ((targets = PySequence_Tuple(list))) {
        if (lay_run((Run *)run, payload_type, ssrc, block, block_length, most_run, &burst))
            result = send_to_targets(socket, &burst, 1, targets);
        else
            refuse("the run is not numbered, or something is too long");
        Py_DECREF(targets);
    }
    busy = 0;
    return result;
}

static PyObject *send_(PyObject *module, PyObject *arguments) {
    /* tuples of our own: nobody can change them while the lock is released */
    PyObject *lists[4], *tuples[4] = {NULL}, *result = NULL;
    int socket, place = 0;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "iOOOO:send", &socket, lists, lists + 1, lists + 2, lists + 3))
        return NULL;
    if (!begin())
        return NULL;
    while (place < 4 && (tuples[place] = PySequence_Tuple(lists[place])))
        place++;
    if (place == 4)
        result = send_burst(socket, tuples[0], tuples[1], tuples[2], tuples[3]);
    while (place--)
        Py_DECREF(tuples[place]);
    busy = 0;
    return result;
}

static PyObject *cipher_new(PyTypeObject *type, PyObject *arguments, PyObject *named) {
    const char *key, *salt;
    Py_ssize_t key_length, salt_length;
    (void)named;
    if (!PyArg_ParseTuple(arguments, "y#y#:Cipher", &key, &key_length, &salt, &salt_length))
        return NULL;
    if (key_length != KEY || salt_length != NONCE) {
        refuse("the key has 16 bytes, the salt 12");
        return NULL;
    }
    Cipher *cipher = (Cipher *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!cipher)
        return NULL;
    memcpy(cipher->key.salt, salt, NONCE);
    cipher->key.context = EVP_CIPHER_CTX_new();
    if (!cipher->key.context ||
        !EVP_EncryptInit_ex2(cipher->key.context, EVP_aes_128_gcm(), (const uint8_t *)key, NULL, NULL)) {
        Py_DECREF(cipher);
        PyErr_SetString(PyExc_RuntimeError, "OpenSSL has no AES-128-GCM");
        return NULL;
    }
    return (PyObject *)cipher;
}

static void cipher_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    EVP_CIPHER_CTX_free(((Cipher *)self)->key.context); /* wipes the key */
    Py_XDECREF(((Cipher *)self)->latest);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyType_Slot cipher_slots[] = {{Py_tp_new, cipher_new}, {Py_tp_dealloc, cipher_dealloc}, {0, NULL}};
static PyType_Spec cipher_spec = {"media.native.fan_out.Cipher", sizeof(Cipher), 0, Py_TPFLAGS_DEFAULT,
                                  cipher_slots};
static PyMethodDef functions[] = {{"send", send_, METH_VARARGS, NULL},
                                  {"send_run", send_run, METH_VARARGS, NULL},
                                  {"receive", receive, METH_VARARGS, NULL},
                                  {"lay", lay, METH_VARARGS, NULL},
                                  {NULL, NULL, 0, NULL}};
#define INTERFACE 4 /* raised with each change of what these take: choice.py */

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "fan_out", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_fan_out(void) {
    PyObject *module = PyModule_Create(&definition);
    if (!module)
        return NULL;
    cipher_type = (PyTypeObject *)PyType_FromSpec(&cipher_spec);
    PyObject *opener = opener_type();
    if (!cipher_type || !opener || !make_run_type() || !make_joined_type() || PyModule_AddObjectRef(module, "Opener", opener) ||
        PyModule_AddObjectRef(module, "Cipher", (PyObject *)cipher_type) ||
        PyModule_AddIntConstant(module, "INTERFACE", INTERFACE)) {
        Py_XDECREF(opener);
        Py_DECREF(module);
        return NULL;
    }
    Py_DECREF(opener);
    return module;
}
