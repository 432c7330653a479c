/* Opens a run of a publisher's SRTP packets under AES-128-GCM (RFC 7714): what media/pure/run.py does in Python, in one call, and in one piece of memory: run.c.
 *
 * The datagrams are a stranger's. What is not the next packet of the stream that Python asks for, or is in any way
 * unusual, makes the whole run None: then Python takes each packet by itself. Which indexes have come, Python
 * keeps: see SrtpReceiver.
 */

#include "joined.h"
#include "run.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdint.h>
#include <string.h>

enum {
    KEY = 16, /* bytes, as all sizes here */
    NONCE = 12, /* RFC 7714 8.1; the salt has as many */
    TAG = 16,
    HEADER = 12, /* RFC 3550 5.1 */
    EXTENSION = 4, /* what precedes the elements: profile, and length in words */
    LONGEST = 65507
};

typedef struct {
    PyObject_HEAD
    EVP_CIPHER_CTX *context;
    uint8_t salt[NONCE];
} Opener;

typedef struct {
    const uint8_t *bytes;
    int length, header;
    int profile, elements; /* of its extensions; the former is -1 if there are none */
} Datagram;

/* --- what it looks like: each returns 0 for something unusual */

static int read_bytes(const uint8_t *bytes, Py_ssize_t length, Datagram *datagram) {
    if (length < HEADER || length > LONGEST)
        return 0;
    *datagram = (Datagram){bytes, (int)length, HEADER, -1, 0};
    if (!(bytes[0] & 0x10)) /* no extension */
        return 1;
    if (length < HEADER + EXTENSION)
        return 0;
    datagram->profile = bytes[HEADER] << 8 | bytes[HEADER + 1];
    datagram->elements = 4 * (bytes[HEADER + 2] << 8 | bytes[HEADER + 3]);
    datagram->header += EXTENSION + datagram->elements;
    return datagram->header <= length;
}

/* Of a list of bytes, or joined. */
static int read_datagram(PyObject *datagrams, Py_ssize_t place, Datagram *datagram) {
    char *start;
    Py_ssize_t length;
    if (PyObject_TypeCheck(datagrams, joined_type)) {
        const Joined *joined = (Joined *)datagrams;
        Py_ssize_t at = place * joined->size, left = joined->length - at;
        return read_bytes(joined->bytes + at, left < joined->size ? left : joined->size, datagram);
    }
    PyObject *value = PyList_GetItem(datagrams, place);
    return PyBytes_Check(value) && !PyBytes_AsStringAndSize(value, &start, &length) &&
           read_bytes((const uint8_t *)start, length, datagram);
}

/* Whether the datagram is SRTP of the stream of the first one, with that index: version 2, without CSRCs and padding. */
static int follows(const Datagram *datagram, const Datagram *first, uint64_t index) {
    const uint8_t *one = datagram->bytes, *other = first->bytes;
    return (one[0] & ~0x10) == 0x80 && one[0] == other[0] && datagram->header + TAG <= datagram->length && (one[1] & 0x7F) == (other[1] & 0x7F) && !memcmp(one + 8, other + 8, 4) &&
           (one[2] << 8 | one[3]) == (int)(index & 0xFFFF);
}

/* --- opening: returns 0 for a packet that is not authentic */

static int opened(const Opener *opener, const Datagram *datagram, uint64_t index, uint8_t *out) {
    int length = datagram->length - datagram->header - TAG, written = 0, rest = 0;
    const uint8_t *body = datagram->bytes + datagram->header;
    uint8_t nonce[NONCE] = {0, 0}, tag[TAG];
    memcpy(nonce + 2, datagram->bytes + 8, 4);
    for (int place = 0; place < 6; place++)
        nonce[6 + place] = (uint8_t)(index >> 8 * (5 - place));
    for (int place = 0; place < NONCE; place++)
        nonce[place] ^= opener->salt[place];
    memcpy(tag, body + length, TAG);
    OSSL_PARAM expected[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, TAG),
                             OSSL_PARAM_construct_end()};
    EVP_CIPHER_CTX *context = opener->context;
    return EVP_DecryptInit_ex2(context, NULL, NULL, nonce, expected) &&
           EVP_DecryptUpdate(context, NULL, &written, datagram->bytes, datagram->header) &&
           (!length || EVP_DecryptUpdate(context, out, &written, body, length)) &&
           EVP_DecryptFinal_ex(context, tag, &rest) > 0;
}

static uint32_t word(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Whether an extension of that profile holds elements (RFC 8285 4.2, 4.3): others are not kept, as in Python. */
static int has_elements(int profile) {
    return profile == 0xBEDE || (profile & ~0xF) == 0x1000;
}

/* Fills in the packet of a datagram whose payload has so many bytes. Returns where that belongs. */
static uint8_t *place_packet(Run *run, int place, int at, const Datagram *datagram, int payload) {
    RunPacket *packet = run->packets + place;
    int elements = has_elements(datagram->profile) ? datagram->elements : 0;
    const uint8_t *bytes = datagram->bytes;
    *packet = (RunPacket){.timestamp = word(bytes + 4),
                          .marker = bytes[1] >> 7,
                          .padding = bytes[0] >> 5 & 1,
                          .profile = datagram->profile,
                          .elements_at = at,
                          .elements_length = elements,
                          .payload_at = at + elements,
                          .payload_length = payload};
    if (elements)
        memcpy(run->bytes + at, bytes + datagram->header - elements, (size_t)elements);
    run->octets += payload;
    return run->bytes + packet->payload_at;
}

static void name_run(Run *run, const uint8_t *head) {
    run->source = word(head + 8);
    run->payload_type = head[1] & 0x7F;
    run->sequence = head[2] << 8 | head[3];
}

/* Fills in a run of these. */
static int open_all(const Opener *opener, const Datagram *datagrams, uint64_t first, Run *run) {
    int at = 0;
    name_run(run, datagrams->bytes);
    for (int place = 0; place < run->count; place++) {
        const Datagram *datagram = datagrams + place;
        int payload = datagram->length - datagram->header - TAG;
        uint8_t *out = place_packet(run, place, at, datagram, payload);
        if (!opened(opener, datagram, first + (uint64_t)place, out))
            return 0;
        at = run->packets[place].payload_at + payload;
    }
    return 1;
}

/* --- what Python calls */

static PyObject *open_run(PyObject *self, PyObject *arguments) {
    Datagram datagrams[RUN_PACKETS];
    PyObject *list;
    unsigned long long first;
    Run *run = NULL;
    int place = 0, size = 0;
    if (!PyArg_ParseTuple(arguments, "OK:open", &list, &first))
        return NULL;
    if (!PyList_CheckExact(list) && !PyObject_TypeCheck(list, joined_type)) { /* a subclass may lie */
        PyErr_SetString(PyExc_TypeError, "datagrams are a list, or joined");
        return NULL;
    }
    Py_ssize_t count = PyObject_Size(list); /* nothing below runs Python, so the list stays as it is */
    if (count <= RUN_PACKETS && !(first >> 48))
        while (place < count && read_datagram(list, place, datagrams + place) &&
               follows(datagrams + place, datagrams, first + (uint64_t)place))
            size += datagrams[place++].length;
    if (count && place == count) {
        run = new_run(place, size);
        if (!run)
            return NULL;
        if (!open_all((Opener *)self, datagrams, first, run))
            Py_CLEAR(run);
    }
    if (run)
        return (PyObject *)run;
    Py_RETURN_NONE;
}

PyObject *copy_run(PyObject *module, PyObject *arguments) {
    Datagram datagrams[RUN_PACKETS];
    PyObject *list;
    int size = 0, at = 0;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!:copy", &PyList_Type, &list))
        return NULL;
    Py_ssize_t count = PyList_Size(list);
    int right = count > 0 && count <= RUN_PACKETS;
    for (Py_ssize_t place = 0; right && place < count; place++) {
        right = read_datagram(list, place, datagrams + place) && (datagrams[place].bytes[0] & 0xCF) == 0x80;
        size += right ? datagrams[place].length : 0;
    }
    if (!right) {
        PyErr_SetString(PyExc_ValueError, "these are no RTP packets without CSRCs");
        return NULL;
    }
    Run *run = new_run((int)count, size);
    if (!run)
        return NULL;
    name_run(run, datagrams->bytes);
    for (int place = 0; place < run->count; place++) {
        const Datagram *datagram = datagrams + place;
        int payload = datagram->length - datagram->header;
        memcpy(place_packet(run, place, at, datagram, payload), datagram->bytes + datagram->header, (size_t)payload);
        at = run->packets[place].payload_at + payload;
    }
    return (PyObject *)run;
}

static PyObject *opener_new(PyTypeObject *type, PyObject *arguments, PyObject *named) {
    const char *key, *salt;
    Py_ssize_t key_length, salt_length;
    (void)named;
    if (!PyArg_ParseTuple(arguments, "y#y#:Opener", &key, &key_length, &salt, &salt_length))
        return NULL;
    if (key_length != KEY || salt_length != NONCE) {
        PyErr_SetString(PyExc_ValueError, "the key has 16 bytes, the salt 12");
        return NULL;
    }
    Opener *opener = (Opener *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!opener)
        return NULL;
    memcpy(opener->salt, salt, NONCE);
    opener->context = EVP_CIPHER_CTX_new();
    if (!opener->context ||
        !EVP_DecryptInit_ex2(opener->context, EVP_aes_128_gcm(), (const uint8_t *)key, NULL, NULL)) {
        Py_DECREF(opener);
        PyErr_SetString(PyExc_RuntimeError, "OpenSSL has no AES-128-GCM");
        return NULL;
    }
    return (PyObject *)opener;
}

static void opener_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    EVP_CIPHER_CTX_free(((Opener *)self)->context); /* wipes the key */
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {{"open", open_run, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyType_Slot slots[] = {
    {Py_tp_new, opener_new}, {Py_tp_dealloc, opener_dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {"media.native.fan_out.Opener", sizeof(Opener), 0, Py_TPFLAGS_DEFAULT, slots};

PyObject *opener_type(void) {
    return PyType_FromSpec(&spec);
}
