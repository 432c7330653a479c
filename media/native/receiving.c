/* Reads what has come to a UDP socket, as UdpPort does in Python: all in one call, without an exception at the end. */

#define _GNU_SOURCE
#include "module.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_GRO
#define UDP_GRO 104 /* linux/udp.h */
#endif

enum { INBOX = 65536 /* bytes: the longest run that the kernel joins */ };

static uint8_t inbox[INBOX];

/* As the socket module has it, but for the zone in the name of a link-local host: that is the fourth part. */
static PyObject *address(const struct sockaddr_storage *from) {
    char host[INET6_ADDRSTRLEN];
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)from;
        inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof host);
        return Py_BuildValue("si", host, (int)ntohs(ipv4->sin_port));
    }
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)from;
    inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof host);
    return Py_BuildValue("siII", host, (int)ntohs(ipv6->sin6_port), (unsigned)ntohl(ipv6->sin6_flowinfo),
                         (unsigned)ipv6->sin6_scope_id);
}

/* The size of each datagram of a run but the last; `length` if it is one datagram. */
static int segment_of(struct msghdr *message, int length) {
    for (struct cmsghdr *each = CMSG_FIRSTHDR(message); each; each = CMSG_NXTHDR(message, each))
        if (each->cmsg_level == IPPROTO_UDP && each->cmsg_type == UDP_GRO &&
            each->cmsg_len >= CMSG_LEN(sizeof(int))) {
            int size;
            memcpy(&size, CMSG_DATA(each), sizeof size);
            return size > 0 && size < length ? size : length;
        }
    return length;
}

/* Appends the datagrams of a run to `batch`. Returns 0 with an exception set. */
static int append(PyObject *batch, int length, int size, PyObject *source) {
    int at = 0;
    do {
        int part = length - at < size ? length - at : size;
        PyObject *pair = Py_BuildValue("y#O", (const char *)inbox + at, (Py_ssize_t)part, source);
        int failed = !pair || PyList_Append(batch, pair);
        Py_XDECREF(pair);
        if (failed)
            return 0;
        at += size;
    } while (at < length);
    return 1;
}

PyObject *receive(PyObject *module, PyObject *arguments) {
    int socket, most, longest;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "iii:receive", &socket, &most, &longest))
        return NULL;
    PyObject *batch = PyList_New(0), *source = NULL;
    struct sockaddr_storage latest;
    socklen_t latest_length = 0;
    /* what is left out counts as well: a flood of it must not keep the loop here */
    for (int turn = 0; batch && turn < most && PyList_Size(batch) < most; turn++) {
        struct sockaddr_storage from;
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr aligned;
        } control;
        struct iovec memory = {inbox, INBOX};
        struct msghdr message = {.msg_name = &from,
                                 .msg_namelen = sizeof from,
                                 .msg_iov = &memory,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        int length = (int)recvmsg(socket, &message, MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0) /* nothing is left; or an ICMP error: the rest is read in the next turn */
            break;
        int size = segment_of(&message, length);
        if (size > longest || (from.ss_family != AF_INET && from.ss_family != AF_INET6))
            continue;
        if (!source || latest_length != message.msg_namelen || memcmp(&latest, &from, latest_length)) {
            Py_XDECREF(source);
            source = address(&from);
            memcpy(&latest, &from, message.msg_namelen);
            latest_length = message.msg_namelen;
        }
        if (!source || !append(batch, length, size, source))
            Py_CLEAR(batch);
    }
    Py_XDECREF(source);
    return batch;
}
