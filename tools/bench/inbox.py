"""Datagrams in bulk: one `recvmmsg` call empties a socket, where the standard library takes one by one.

For Linux on 64 bits.
"""

import ctypes
import errno
import os
from array import array

BATCH = 16
SLOT = 66 * 1024  # bytes for the longest datagram, and off the stride that would share cache sets
CONTROL = 32  # bytes for one control message of an int

_LIBC = ctypes.CDLL(None, use_errno=True)
_MSG_DONTWAIT = 0x40


class _IoVector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.POINTER(_IoVector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr: `length` is of what was received."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


class Inbox:
    """Room for a batch of datagrams, shared by all sockets of a thread.

    After `receive` datagram `n` lies at `data[n * SLOT:]` and is `lengths[n]` bytes long.
    """

    def __init__(self) -> None:
        self._memory = (ctypes.c_char * (SLOT * BATCH))()
        self._control = (ctypes.c_char * (CONTROL * BATCH))()
        memory, control = ctypes.addressof(self._memory), ctypes.addressof(self._control)
        self._vectors = (_IoVector * BATCH)(*(_IoVector(memory + n * SLOT, SLOT) for n in range(BATCH)))
        self._messages = (_Message * BATCH)()
        for n, message in enumerate(self._messages):
            message.header.vectors = ctypes.pointer(self._vectors[n])
            message.header.vector_count = 1
            message.header.control = control + n * CONTROL
        self.data = memoryview(self._memory).cast("B")
        messages = memoryview(self._messages).cast("B")
        size = ctypes.sizeof(_Message)
        self.lengths = messages.cast("I")[_Message.length.offset // 4 :: size // 4]
        self._control_lengths = messages.cast("L")[_Header.control_length.offset // 8 :: size // 8]
        # behind cmsghdr
        self._segment_sizes = memoryview(self._control).cast("B").cast("I")[4 :: CONTROL // 4]
        self._control_sizes = memoryview(array("L", [CONTROL] * BATCH)).cast("B").cast("L")

    def receive(self, fd: int) -> int:
        """How many datagrams came; 0 when none waits. Fewer than `BATCH` means that the socket is empty."""
        self._control_lengths[:] = self._control_sizes  # the kernel writes what it used
        count: int = _LIBC.recvmmsg(fd, self._messages, BATCH, _MSG_DONTWAIT, None)
        if count >= 0:
            return count
        number = ctypes.get_errno()
        if number in (errno.EAGAIN, errno.ECONNREFUSED):  # the latter is an ICMP error of a former send
            return 0
        raise OSError(number, os.strerror(number))

    def datagram(self, number: int) -> bytes:
        at = number * SLOT
        return bytes(self.data[at : at + self.lengths[number]])

    def packets(self, number: int) -> int:
        """How many packets datagram `number` holds: with UDP GRO a run of them comes as one."""
        if self._control_lengths[number] == 0:
            return 1
        return -(-self.lengths[number] // self._segment_sizes[number])
