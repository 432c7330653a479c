/* What sending costs at least: no RTP, no joins, no feedback; a burst for each viewer is encrypted and sent.
 *
 * usage: floor GSO BURSTS PACKETS SIZE RATE, and the viewers' ports of loopback on stdin. With GSO 1 a viewer's
 * burst is one message that the kernel splits, otherwise each packet is one. Prints the CPU of a packet in us.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 12, TAG = 16, MOST_VIEWERS = 4096, MESSAGES = 64, MOST_BURST = 65507, WARM_UP = 5 };

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int count, char **words) {
    if (count != 6)
        return 2;
    int gso = atoi(words[1]), bursts = atoi(words[2]), packets = atoi(words[3]), size = atoi(words[4]);
    double rate = atof(words[5]), started, used = 0;
    int length = HEADER + size + TAG, viewers = 0, port, each = gso ? packets : 1, out;
    static struct sockaddr_in addresses[MOST_VIEWERS];
    static EVP_CIPHER_CTX *ciphers[MOST_VIEWERS];
    static uint8_t memory[MESSAGES][MOST_BURST], payload[MOST_BURST];
    struct mmsghdr messages[MESSAGES] = {0};
    struct iovec parts[MESSAGES];
    if (packets < 1 || size < 1 || packets * length > MOST_BURST || packets > MESSAGES)
        return 2;
    while (viewers < MOST_VIEWERS && scanf("%d", &port) == 1) {
        uint8_t key[16] = {(uint8_t)viewers, (uint8_t)(viewers >> 8)};
        addresses[viewers] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        addresses[viewers].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ciphers[viewers] = EVP_CIPHER_CTX_new();
        if (!EVP_EncryptInit_ex(ciphers[viewers++], EVP_aes_128_gcm(), NULL, key, NULL))
            return 1;
    }
    int socket_ = socket(AF_INET, SOCK_DGRAM, 0), buffer = 8 << 20, segment = length;
    setsockopt(socket_, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    if (gso && setsockopt(socket_, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment))
        return 1;
    started = now(CLOCK_MONOTONIC);
    for (uint32_t burst = 0; (int)burst < bursts + WARM_UP; burst++) {
        int waiting = 0;
        double before = now(CLOCK_PROCESS_CPUTIME_ID);
        for (int viewer = 0; viewer < viewers; viewer++) {
            for (int packet = 0; packet < packets; packet++) {
                uint8_t nonce[12] = {0}, *at = memory[waiting] + (gso ? packet * length : 0);
                memcpy(nonce, &burst, sizeof burst);
                nonce[4] = (uint8_t)packet;
                memset(at, 0x80, HEADER);
                EVP_EncryptInit_ex(ciphers[viewer], NULL, NULL, NULL, nonce);
                EVP_EncryptUpdate(ciphers[viewer], NULL, &out, at, HEADER);
                EVP_EncryptUpdate(ciphers[viewer], at + HEADER, &out, payload, size);
                EVP_EncryptFinal_ex(ciphers[viewer], at + HEADER + size, &out);
                EVP_CIPHER_CTX_ctrl(ciphers[viewer], EVP_CTRL_AEAD_GET_TAG, TAG, at + HEADER + size);
                if (gso && packet < packets - 1)
                    continue;
                parts[waiting] = (struct iovec){memory[waiting], (size_t)(each * length)};
                messages[waiting].msg_hdr = (struct msghdr){.msg_name = addresses + viewer,
                                                            .msg_namelen = sizeof *addresses,
                                                            .msg_iov = parts + waiting,
                                                            .msg_iovlen = 1};
                if (++waiting < (gso ? 16 : MESSAGES) && !(viewer == viewers - 1 && packet == packets - 1))
                    continue;
                if (sendmmsg(socket_, messages, (unsigned)waiting, 0) != waiting)
                    return 1;
                waiting = 0;
            }
        }
        if (burst >= WARM_UP)
            used += now(CLOCK_PROCESS_CPUTIME_ID) - before;
        double left = started + (burst + 1) / rate - now(CLOCK_MONOTONIC);
        if (left > 0)
            usleep((useconds_t)(left * 1e6));
    }
    printf("%f\n", used / bursts / viewers / packets * 1e6);
    return 0;
}
