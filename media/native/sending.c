/* Encrypts one burst for many viewers and sends it to them: the innermost loop of a worker.
 *
 * What media/pure/fan_out.py and media/transport/udp.py do in Python for one viewer after the other, here for all
 * of them in one call. Python stays the reference: the bytes are the same.
 *
 * The rule "never two packets under one nonce" (RFC 7714 8.4) is not kept here, but by SrtpSender in Python:
 * it lends its key only for indexes that it has spent right before.
 */

#define _GNU_SOURCE /* sendmmsg */
#include "sending.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* linux/udp.h */
#endif

enum {
    SEQUENCE_AT = 2, /* in a header; the timestamp is right behind it */
    SSRC_AT = 8,
    INDEX = 6, /* bytes of a packet's index; its last two are the sequence number */
    MESSAGES = 64 /* runs in one call of the kernel */
};

/* --- sending */

typedef union {
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr aligned;
} Control;

static uint8_t space[SPACE];
static struct mmsghdr messages[MESSAGES];
static struct iovec memory[MESSAGES];
static Control controls[MESSAGES];
static int sizes[MESSAGES];

/* `size` is where the kernel splits; 0: nowhere. It is always told: the socket may have one of its own. */
static void prepare(struct msghdr *message, struct iovec *part, Control *control, const Target *target,
                    int size) {
    memset(message, 0, sizeof *message);
    message->msg_name = (void *)&target->address;
    message->msg_namelen = target->address_length;
    message->msg_iov = part;
    message->msg_iovlen = 1;
    message->msg_control = control->bytes;
    message->msg_controllen = sizeof control->bytes;
    memset(control, 0, sizeof *control);
    control->aligned.cmsg_level = IPPROTO_UDP;
    control->aligned.cmsg_type = UDP_SEGMENT;
    control->aligned.cmsg_len = CMSG_LEN(sizeof(uint16_t));
    uint16_t segment = (uint16_t)size;
    memcpy(CMSG_DATA(&control->aligned), &segment, sizeof segment);
}

/* The segment exceeds the route's MTU, or the device cannot split: each datagram by itself. */
static void send_singly(int socket, int place, Counts *counts) {
    struct msghdr message = messages[place].msg_hdr;
    uint8_t *at = memory[place].iov_base;
    int left = (int)memory[place].iov_len;
    uint16_t none = 0;
    memcpy(CMSG_DATA(&controls[place].aligned), &none, sizeof none);
    counts->octets += left;
    while (left > 0) {
        int length = left < sizes[place] ? left : sizes[place];
        struct iovec part = {at, (size_t)length};
        message.msg_iov = &part;
        if (sendmsg(socket, &message, 0) < 0)
            counts->dropped++;
        counts->packets++;
        at += length;
        left -= length;
    }
}

/* What the kernel does not take at once is dropped and counted, as by UdpPort.transmit. */
static void flush(int socket, int count, Counts *counts) {
    int at = 0;
    while (at < count) {
        int taken = sendmmsg(socket, messages + at, (unsigned)(count - at), 0);
        if (taken < 0) { /* of the first one that is left */
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                counts->dropped++;
            else
                send_singly(socket, at, counts);
            at++;
            continue;
        }
        for (int place = at; place < at + taken; place++) {
            int octets = (int)messages[place].msg_len;
            counts->octets += octets;
            counts->packets += (octets + sizes[place] - 1) / sizes[place];
        }
        at += taken;
    }
}

/* --- encryption */

/* Writes the datagram of a packet for a viewer to `out`. Returns 0 if OpenSSL refuses. */
static int encrypt(const Packet *packet, const Key *key, const uint8_t *numbers, uint8_t *out) {
    uint8_t nonce[NONCE] = {0, 0}, *header = out;
    int length;
    memcpy(header, packet->header, (size_t)packet->header_length);
    memcpy(header + SEQUENCE_AT, numbers + INDEX - 2, NUMBERS - INDEX + 2);
    memcpy(nonce + 2, header + SSRC_AT, 4);
    memcpy(nonce + 6, numbers, INDEX);
    for (int place = 0; place < NONCE; place++)
        nonce[place] ^= key->salt[place];
    uint8_t *ciphertext = out + packet->header_length, *tag = ciphertext + packet->payload_length;
    OSSL_PARAM wanted[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, TAG),
                           OSSL_PARAM_construct_end()};
    EVP_CIPHER_CTX *context = key->context;
    return EVP_EncryptInit_ex2(context, NULL, NULL, nonce, NULL) &&
           EVP_EncryptUpdate(context, NULL, &length, header, packet->header_length) &&
           (!packet->payload_length ||
            EVP_EncryptUpdate(context, ciphertext, &length, packet->payload, packet->payload_length)) &&
           EVP_EncryptFinal_ex(context, tag, &length) && EVP_CIPHER_CTX_get_params(context, wanted);
}

/* Index and timestamp of a packet, by a target's numbers. */
static void count_on(const Burst *burst, const uint8_t *first, int place, uint8_t *numbers) {
    uint64_t index = (uint64_t)place;
    uint32_t timestamp = burst->timestamps[place];
    for (int byte = 0; byte < INDEX; byte++)
        index += (uint64_t)first[byte] << 8 * (INDEX - 1 - byte);
    for (int byte = 0; byte < 4; byte++)
        timestamp += (uint32_t)first[INDEX + byte] << 8 * (3 - byte);
    for (int byte = 0; byte < INDEX; byte++)
        numbers[byte] = (uint8_t)(index >> 8 * (INDEX - 1 - byte));
    for (int byte = 0; byte < 4; byte++)
        numbers[INDEX + byte] = (uint8_t)(timestamp >> 8 * (3 - byte));
}

int send_to_all(int socket, const Burst *burst, const Target *targets, size_t target_count, Counts *counts) {
    int waiting = 0;
    uint8_t *at = space;
    for (size_t number = 0; number < target_count; number++) {
        const Target *target = targets + number;
        if (waiting + burst->run_count > MESSAGES || burst->length > space + SPACE - at) {
            flush(socket, waiting, counts);
            waiting = 0;
            at = space;
        }
        uint8_t *run = at;
        for (int place = 0; place < burst->packet_count; place++) {
            const Packet *packet = burst->packets + place;
            uint8_t numbers[NUMBERS];
            count_on(burst, target->numbers, place, numbers);
            if (!encrypt(packet, target->key, numbers, at)) {
                flush(socket, waiting, counts);
                return 0;
            }
            at += packet->header_length + packet->payload_length + TAG;
        }
        for (int place = 0; place < burst->run_count; place++, waiting++) {
            memory[waiting] = (struct iovec){run, (size_t)burst->runs[place].length};
            sizes[waiting] = burst->runs[place].size;
            prepare(&messages[waiting].msg_hdr, memory + waiting, controls + waiting, target, sizes[waiting]);
            run += burst->runs[place].length;
        }
    }
    flush(socket, waiting, counts);
    return 1;
}
