/* A run as its viewers get it: see laying.c. */

#include "run.h"
#include "sending.h"

/* `burst` becomes the run, under that payload type and SSRC (0: its own), each header with `block` behind it. The
 * kernel's sends are no longer than `most_run` bytes. Returns 0 if it is not numbered, or too long.
 */
int lay_run(const Run *run, int payload_type, uint32_t ssrc, const char *block, Py_ssize_t block_length,
            int most_run, Burst *burst);
