/* A run of a publisher's packets in one piece: what opening.c opens and fan_out.c sends. See run.c. */

#include "module.h"

#include <stdint.h>

enum {
    RUN_HEADER = 12, /* bytes, as all sizes here; RFC 3550 5.1 */
    RUN_PACKETS = 64 /* at most */
};

typedef struct {
    uint32_t timestamp; /* the publisher's */
    int marker, profile; /* of its extensions; -1: it has none */
    int elements_at, elements_length; /* in `bytes`, as they came */
    int payload_at, payload_length;
} RunPacket;

typedef struct {
    PyObject_HEAD
    PyObject *packet_type, *outgoing_type; /* what its packets become in Python; the second one may be NULL */
    uint64_t index; /* of the first packet in the room's numbering, as the next four */
    uint32_t ssrc, shift; /* what is added to the publisher's timestamps */
    long track;
    uint32_t source; /* the publisher's SSRC */
    int payload_type, sequence; /* the publisher's; the latter of the first packet */
    int count;
    int octets; /* of all payloads */
    uint64_t elements[4]; /* bit n: one packet has an extension element with that id */
    RunPacket *packets;
    uint8_t *bytes; /* behind them, in the same piece of memory */
} Run;

extern PyTypeObject *run_type;

/* Of `count` packets, which are not filled in yet, with room for `size` bytes; NULL with an exception set. */
Run *new_run(PyObject *packet_type, int count, int size);

/* --- elements.c */

typedef struct {
    const uint8_t *at, *end, *value;
    int short_form, number, length;
} Elements;

/* Those of a packet, before the first one. */
Elements elements_of(const Run *run, const RunPacket *packet);

/* Returns 0 behind the last one. */
int next_element(Elements *each);

/* Notes the ids of a packet's extension elements. */
void note_elements(Run *run, const RunPacket *packet);

/* --- pictures.c: methods of a run */
PyObject *pictures(PyObject *self, PyObject *arguments);
PyObject *renumber(PyObject *self, PyObject *arguments);

/* keyframes.c: whether a keyframe may start in a payload; 0 only if certainly none does. */
int may_start(const uint8_t *payload, int length, const char *codec);

/* Returns 0 with an exception set. */
int make_run_type(void);
