/* Reads what has come to a UDP socket, as UdpPort does in Python: all in one call, without an exception at the end. */

#define _GNU_SOURCE
#include "joined.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#ifndef UDP_GRO
#define UDP_GRO 104 /* linux/udp.h */
#endif

#ifndef SIOCGSTAMPNS
#define SIOCGSTAMPNS 0x8907 /* asm-generic/sockios.h */
#endif

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

/* Appends a datagram, or those of a run, to `batch`: a run takes the inbox. Returns 0 with an exception set. */
static int append(PyObject *batch, uint8_t **inbox, int length, int size, PyObject *source) {
    PyObject *pair;
    if (size < length) {
        pair = Py_BuildValue("NO", new_joined(*inbox, length, size), source);
        *inbox = NULL;
    } else {
        pair = Py_BuildValue("y#O", (const char *)*inbox, (Py_ssize_t)length, source);
    }
    int failed = !pair || PyList_Append(batch, pair);
    Py_XDECREF(pair);
    return !failed;
}

PyObject *receive(PyObject *module, PyObject *arguments) {
    int socket, most, longest, timed;
    struct timespec arrival = {0, 0};
    (void)module;
    if (!PyArg_ParseTuple(arguments, "iiip:receive", &socket, &most, &longest, &timed))
        return NULL;
    PyObject *batch = PyList_New(0), *source = NULL;
    uint8_t *inbox = NULL;
    int count = 0;
    struct sockaddr_storage latest;
    socklen_t latest_length = 0;
    /* what is left out counts as well: a flood of it must not keep the loop here */
    for (int turn = 0; batch && turn < most && count < most; turn++) {
        struct sockaddr_storage from;
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr aligned;
        } control;
        if (!inbox && !(inbox = new_space())) {
            PyErr_NoMemory();
            Py_CLEAR(batch);
            break;
        }
        struct iovec memory = {inbox, JOINED};
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
        if (timed && !turn && ioctl(socket, SIOCGSTAMPNS, &arrival))
            arrival.tv_sec = 0;
        int size = segment_of(&message, length);
        if (size > longest || (from.ss_family != AF_INET && from.ss_family != AF_INET6))
            continue;
        if (!source || latest_length != message.msg_namelen || memcmp(&latest, &from, latest_length)) {
            Py_XDECREF(source);
            source = address(&from);
            memcpy(&latest, &from, message.msg_namelen);
            latest_length = message.msg_namelen;
        }
        if (!source || !append(batch, &inbox, length, size, source))
            Py_CLEAR(batch);
        count += length > size ? (length + size - 1) / size : 1;
    }
    Py_XDECREF(source);
    free_space(inbox);
    return batch ? Py_BuildValue("Nid", batch, count, (double)arrival.tv_sec + (double)arrival.tv_nsec * 1e-9)
                 : NULL;
}
