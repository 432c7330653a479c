/* A run: a publisher's packets of one track that came together, in one piece. opening.c makes it, fan_out.c sends it.
 * See run.c.
 */

#include "module.h"

#include <stdint.h>

enum {
    RUN_HEADER = 12, /* bytes, as all sizes here; RFC 3550 5.1 */
    RUN_PACKETS = 64 /* at most */
};

typedef struct {
    uint32_t timestamp; /* the publisher's */
    int marker, padding;
    int profile; /* of its extensions; -1: it has none */
    int elements_at, elements_length; /* in `bytes`, as they came */
    int payload_at, payload_length;
} RunPacket;

typedef struct {
    PyObject_HEAD
    PyObject *whole; /* the run that it is a part of, and whose memory it has; NULL: it has its own */
    uint64_t index; /* of the first packet in the room's numbering, as the next three */
    uint32_t ssrc, shift; /* what is added to the publisher's timestamps */
    long track;
    uint32_t source; /* the publisher's SSRC */
    int payload_type, sequence; /* the publisher's; the latter of the first packet */
    int count;
    int octets; /* of all payloads */
    RunPacket *packets;
    uint8_t *bytes; /* behind the packets of the whole run, in the same piece of memory */
} Run;

extern PyTypeObject *run_type;

/* Of `count` packets, which are not filled in yet, with room for `size` bytes; NULL with an exception set. */
Run *new_run(int count, int size);

/* --- elements.c */

typedef struct {
    const uint8_t *at, *end, *value;
    int short_form, number, length;
} Elements;

/* Those of a packet, before the first one. */
Elements elements_of(const Run *run, const RunPacket *packet);

/* Returns 0 behind the last one. */
int next_element(Elements *each);

/* --- pictures.c: methods of a run */
PyObject *pictures(PyObject *self, PyObject *arguments);
PyObject *renumber(PyObject *self, PyObject *arguments);

/* --- laying.c: a method of a run */
PyObject *lay(PyObject *self, PyObject *arguments);

/* keyframes.c: whether a keyframe may start in a payload; 0 only if certainly none does. */
int may_start(const uint8_t *payload, int length, const char *codec);

/* Returns 0 with an exception set. */
int make_run_type(void);
