/* A burst, the viewers it is for, and what sends it to them: see sending.c. */

#include <netinet/in.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    KEY = 16, /* bytes, as all sizes here */
    NONCE = 12, /* RFC 7714 8.1; the salt has as many */
    TAG = 16,
    LEAST_HEADER = 12, /* RFC 3550 5.1 */
    NUMBERS = 10, /* a viewer's: the index of the first packet, and what is added to the timestamps */
    MOST_PACKETS = 64, /* of a burst */
    MOST_RUN = 65507, /* of a run: to the kernel it is one datagram */
    HEADERS = 256 * 1024, /* of all headers of a burst: no datagram that we accept has more than 2,048 bytes */
    SPACE = 256 * 1024 /* of what is encrypted and not yet sent: it should stay in the cache */
};

typedef struct {
    EVP_CIPHER_CTX *context; /* AES-128-GCM with its key schedule */
    uint8_t salt[NONCE];
} Key;

typedef struct {
    const uint8_t *header, *payload;
    int header_length, payload_length;
} Packet;

typedef struct {
    int length, size; /* of all its datagrams, and of each but the last */
} Segments;

typedef struct {
    Packet packets[MOST_PACKETS];
    Segments runs[MOST_PACKETS];
    int packet_count, run_count, length;
    uint32_t timestamps[MOST_PACKETS]; /* the room's */
    uint8_t headers[HEADERS];
} Burst;

typedef struct {
    const Key *key;
    const uint8_t *numbers; /* NUMBERS of them */
    struct sockaddr_storage address;
    socklen_t address_length;
} Target;

typedef struct {
    long packets, octets, dropped;
} Counts;

/* Encrypts `burst` for each target and sends it. It needs no lock of Python, but must not run twice at once.
 *
 * Returns 0 if OpenSSL refuses; then the burst has left for the targets before that one.
 */
int send_to_all(int socket, const Burst *burst, const Target *targets, size_t target_count, Counts *counts);
