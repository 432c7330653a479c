/* Opens a run of a publisher's SRTP packets under AES-128-GCM (RFC 7714): what media/rtp/packet_run.py and
 * AESGCM do in Python, in one call, and in one piece of memory: run.c.
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
    int profile; /* of its extensions; -1: none */
} Datagram;

/* --- what it looks like: each returns 0 for something unusual */

static int read_bytes(const uint8_t *bytes, Py_ssize_t length, Datagram *datagram) {
    if (length < HEADER + TAG || length > LONGEST)
        return 0;
    *datagram = (Datagram){bytes, (int)length, HEADER, -1};
    if (bytes[0] == 0x80) /* version 2, and nothing else */
        return 1;
    if (bytes[0] != 0x90 || length < HEADER + EXTENSION + TAG) /* an extension, too */
        return 0;
    datagram->profile = bytes[HEADER] << 8 | bytes[HEADER + 1];
    datagram->header += EXTENSION + 4 * (bytes[HEADER + 2] << 8 | bytes[HEADER + 3]);
    return datagram->header + TAG <= length;
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

/* Whether the datagram is of the stream of the first one, with that index. */
static int follows(const Datagram *datagram, const Datagram *first, uint64_t index) {
    const uint8_t *one = datagram->bytes, *other = first->bytes;
    return one[0] == other[0] && (one[1] & 0x7F) == (other[1] & 0x7F) && !memcmp(one + 8, other + 8, 4) &&
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

/* Fills in a run of these. */
static int open_all(const Opener *opener, const Datagram *datagrams, uint64_t first, Run *run) {
    const uint8_t *head = datagrams->bytes;
    int at = 0;
    run->source = word(head + 8);
    run->payload_type = head[1] & 0x7F;
    run->sequence = (int)(first & 0xFFFF);
    for (int place = 0; place < run->count; place++) {
        const Datagram *datagram = datagrams + place;
        RunPacket *packet = run->packets + place;
        int elements = has_elements(datagram->profile) ? datagram->header - HEADER - EXTENSION : 0;
        packet->timestamp = word(datagram->bytes + 4);
        packet->marker = datagram->bytes[1] >> 7;
        packet->profile = datagram->profile;
        packet->elements_at = at;
        packet->elements_length = elements;
        packet->payload_at = at + elements;
        packet->payload_length = datagram->length - datagram->header - TAG;
        if (elements)
            memcpy(run->bytes + at, datagram->bytes + datagram->header - elements, (size_t)elements);
        if (!opened(opener, datagram, first + (uint64_t)place, run->bytes + packet->payload_at))
            return 0;
        if (elements)
            note_elements(run, packet);
        run->octets += packet->payload_length;
        at += elements + packet->payload_length;
    }
    return 1;
}

/* --- what Python calls */

static PyObject *open_run(PyObject *self, PyObject *arguments) {
    Datagram datagrams[RUN_PACKETS];
    PyObject *list, *type;
    unsigned long long first;
    Run *run = NULL;
    int place = 0, size = 0;
    if (!PyArg_ParseTuple(arguments, "OKO:open", &list, &first, &type))
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
        run = new_run(type, place, size);
        if (!run)
            return NULL;
        if (!open_all((Opener *)self, datagrams, first, run))
            Py_CLEAR(run);
    }
    if (run)
        return (PyObject *)run;
    Py_RETURN_NONE;
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
