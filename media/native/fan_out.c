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

static int read_target(PyObject *value, Target *target) {
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
    return length == NUMBERS ? 1 : refuse("a target has ten bytes of numbers");
}

/* --- what Python calls */

static PyObject *send_to_targets(int socket, const Burst *burst, PyObject *targets) {
    Counts counts = {0, 0, 0};
    Py_ssize_t count = PyTuple_Size(targets);
    int encrypted;
    Target *read = PyMem_Calloc((size_t)count + 1, sizeof *read);
    if (!read)
        return PyErr_NoMemory();
    for (Py_ssize_t place = 0; place < count; place++) {
        if (!read_target(PyTuple_GetItem(targets, place), read + place)) {
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

static PyObject *send_(PyObject *module, PyObject *arguments) {
    static Burst burst; /* there is one, as there is one of all that sending.c needs: see `busy` */
    PyObject *run, *list, *targets, *result = NULL;
    Form form;
    int socket, most;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "iO!(iIy#iy#)iO:send", &socket, run_type, &run, &form.payload_type, &form.ssrc,
                          &form.ids, &form.ids_length, &form.element, &form.value, &form.value_length, &most, &list))
        return NULL;
    if (busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is sending");
        return NULL;
    }
    busy = 1;
    if ((targets = PySequence_Tuple(list))) { /* of our own: nobody can change it while the lock is released */
        if (lay_run((Run *)run, &form, most, &burst))
            result = send_to_targets(socket, &burst, targets);
        Py_DECREF(targets);
    }
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
                                  {"receive", receive, METH_VARARGS, NULL},
                                  {"copy", copy_run, METH_VARARGS, NULL},
                                  {NULL, NULL, 0, NULL}};
#define INTERFACE 5 /* raised with each change of what these take: choice.py */

/* There is no Py_mod_gil, since it would not be true: `busy`, the bursts of send and lay, joined.c's spare pieces and all
 * runs count on the interpreter's lock. A free-threaded Python turns it on for this module, and says so. */
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
        PyModule_AddObjectRef(module, "Run", (PyObject *)run_type) ||
        PyModule_AddIntConstant(module, "INTERFACE", INTERFACE)) {
        Py_XDECREF(opener);
        Py_DECREF(module);
        return NULL;
    }
    Py_DECREF(opener);
    return module;
}
