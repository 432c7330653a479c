/* Datagrams of one source that the kernel has joined (UDP GRO): all of `size` bytes, but the last may be shorter. */

#include "module.h"

#include <stdint.h>

enum { JOINED = 65536 /* bytes: the longest run that the kernel joins */ };

typedef struct {
    PyObject_HEAD
    int length, size;
    uint8_t *bytes; /* JOINED of them, its own */
} Joined;

extern PyTypeObject *joined_type;

/* Memory to read a run into, and to give back; NULL if there is none. */
uint8_t *new_space(void);
void free_space(uint8_t *space);

/* Takes the space over; NULL with an exception set. */
PyObject *new_joined(uint8_t *space, int length, int size);

/* Returns 0 with an exception set. */
int make_joined_type(void);
