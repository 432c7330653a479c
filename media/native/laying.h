/* A run as its viewers get it: see laying.c. */

#include "run.h"
#include "sending.h"

typedef struct { /* media/rtp/run.py */
    int payload_type;
    uint32_t ssrc; /* 0: that of the run */
    const char *ids, *value;
    Py_ssize_t ids_length, value_length;
    int element; /* 0: none */
} Form;

/* `burst` becomes the run in that form. The kernel's sends are no longer than `most` bytes. Returns 0 with an
 * exception set.
 */
int lay_run(const Run *run, const Form *form, int most, Burst *burst);
