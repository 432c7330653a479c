/* Opens a run of a publisher's SRTP packets under AES-128-GCM (RFC 7714): what media/rtp/packet_run.py and
 * AESGCM do in Python, in one call.
 *
 * The datagrams are a stranger's. What is not the next packet of the stream that Python asks for, or is in any way
 * unusual, makes the whole run None: then Python takes each packet by itself. Which indexes have come, Python
 * keeps: see SrtpReceiver.
 */

#include "module.h"

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
    LONGEST = 65507,
    MOST_PACKETS = 64 /* of a run */
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

static int read_datagram(PyObject *value, Datagram *datagram) {
    char *start;
    Py_ssize_t length;
    if (!PyBytes_Check(value) || PyBytes_AsStringAndSize(value, &start, &length))
        return 0;
    if (length < HEADER + TAG || length > LONGEST)
        return 0;
    const uint8_t *bytes = (const uint8_t *)start;
    *datagram = (Datagram){bytes, (int)length, HEADER, -1};
    if (bytes[0] == 0x80) /* version 2, and nothing else */
        return 1;
    if (bytes[0] != 0x90 || length < HEADER + EXTENSION + TAG) /* an extension, too */
        return 0;
    datagram->profile = bytes[HEADER] << 8 | bytes[HEADER + 1];
    datagram->header += EXTENSION + 4 * (bytes[HEADER + 2] << 8 | bytes[HEADER + 3]);
    return datagram->header + TAG <= length;
}

/* Whether the datagram is of the stream of the first one, with that index. */
static int follows(const Datagram *datagram, const Datagram *first, uint64_t index) {
    const uint8_t *one = datagram->bytes, *other = first->bytes;
    return one[0] == other[0] && (one[1] & 0x7F) == (other[1] & 0x7F) && !memcmp(one + 8, other + 8, 4) &&
           (one[2] << 8 | one[3]) == (int)(index & 0xFFFF);
}

/* --- each of these returns a new reference, or NULL: with an exception, or without one for a wrong tag */

static PyObject *opened(const Opener *opener, const Datagram *datagram, uint64_t index) {
    int length = datagram->length - datagram->header - TAG, written = 0, rest = 0;
    const uint8_t *body = datagram->bytes + datagram->header;
    uint8_t nonce[NONCE] = {0, 0}, tag[TAG];
    memcpy(nonce + 2, datagram->bytes + 8, 4);
    for (int place = 0; place < 6; place++)
        nonce[6 + place] = (uint8_t)(index >> 8 * (5 - place));
    for (int place = 0; place < NONCE; place++)
        nonce[place] ^= opener->salt[place];
    memcpy(tag, body + length, TAG);
    PyObject *payload = PyBytes_FromStringAndSize(NULL, length);
    if (!payload)
        return NULL;
    uint8_t *out = (uint8_t *)PyBytes_AsString(payload);
    OSSL_PARAM expected[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, TAG),
                             OSSL_PARAM_construct_end()};
    EVP_CIPHER_CTX *context = opener->context;
    if (EVP_DecryptInit_ex2(context, NULL, NULL, nonce, expected) &&
        EVP_DecryptUpdate(context, NULL, &written, datagram->bytes, datagram->header) &&
        (!length || EVP_DecryptUpdate(context, out, &written, body, length)) &&
        EVP_DecryptFinal_ex(context, tag, &rest) > 0)
        return payload;
    Py_DECREF(payload);
    return NULL;
}

/* The elements as read_extensions in media/rtp/extensions.py finds them. */
static PyObject *extensions(const Datagram *datagram) {
    if (datagram->profile < 0)
        return PyTuple_New(0);
    const uint8_t *at = datagram->bytes + HEADER + EXTENSION, *end = datagram->bytes + datagram->header;
    int short_form = datagram->profile == 0xBEDE, long_form = (datagram->profile & 0xFFF0) == 0x1000;
    PyObject *list = PyList_New(0);
    while (list && at < end && (short_form || long_form)) {
        int head = *at++, number, length;
        if (!head) /* padding */
            continue;
        if (short_form) {
            number = head >> 4;
            length = (head & 0x0F) + 1;
            if (number == 0 || number == 15) /* RFC 8285 4.2: ignore the rest */
                break;
        } else {
            if (at >= end)
                break;
            number = head;
            length = *at++;
        }
        if (length > end - at)
            break;
        PyObject *element = Py_BuildValue("iy#", number, (const char *)at, (Py_ssize_t)length);
        if (!element || PyList_Append(list, element)) {
            Py_XDECREF(element);
            Py_DECREF(list);
            return NULL;
        }
        Py_DECREF(element);
        at += length;
    }
    PyObject *tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

static PyObject *packet(const Opener *opener, const Datagram *datagram, uint64_t index, PyObject *type) {
    const uint8_t *bytes = datagram->bytes;
    PyObject *payload = opened(opener, datagram, index), *found = payload ? extensions(datagram) : NULL;
    if (!found) {
        Py_XDECREF(payload);
        return NULL;
    }
    unsigned long timestamp = (unsigned long)bytes[4] << 24 | bytes[5] << 16 | bytes[6] << 8 | bytes[7];
    unsigned long ssrc = (unsigned long)bytes[8] << 24 | bytes[9] << 16 | bytes[10] << 8 | bytes[11];
    return PyObject_CallFunction(type, "OOiikkNN", Py_False, bytes[1] & 0x80 ? Py_True : Py_False,
                                 bytes[1] & 0x7F, (int)(index & 0xFFFF), timestamp, ssrc, found, payload);
}

/* --- what Python calls */

static PyObject *open_run(PyObject *self, PyObject *arguments) {
    Datagram datagrams[MOST_PACKETS];
    PyObject *list, *type, *packets = NULL;
    unsigned long long first;
    if (!PyArg_ParseTuple(arguments, "O!KO:open", &PyList_Type, &list, &first, &type))
        return NULL;
    PyObject *kept = PyList_AsTuple(list); /* `type` may do anything to the list */
    if (!kept)
        return NULL;
    Py_ssize_t count = PyTuple_Size(kept), place = 0;
    if (count <= MOST_PACKETS && !(first >> 48))
        while (place < count && read_datagram(PyTuple_GetItem(kept, place), datagrams + place) &&
               follows(datagrams + place, datagrams, first + (uint64_t)place))
            place++;
    if (place == count && count && (packets = PyList_New(count)))
        for (place = 0; packets && place < count; place++) {
            PyObject *each = packet((Opener *)self, datagrams + place, first + (uint64_t)place, type);
            if (each)
                PyList_SetItem(packets, place, each);
            else
                Py_CLEAR(packets);
        }
    Py_DECREF(kept);
    if (packets || PyErr_Occurred())
        return packets;
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
