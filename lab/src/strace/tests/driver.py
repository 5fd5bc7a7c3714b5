"""Makes the system calls of a list, straight through libc, and notes what each gave back.

Usage: driver.py CALLS RESULTS. CALLS is a JSON list of [name, arguments...]; RESULTS a list of
{"value", "errno", "data", "addr"} in the same order. The calls stand between close(999) and close(998).
"""

import ctypes
import json
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
for number in ("send", "recv"):  # whatever ctypes loads lazily is loaded now
    getattr(libc, number)


def pack(addr):
    if addr is None:
        return None
    family, port, ip = addr
    return struct.pack("<H", family) + struct.pack(">H", port) + socket.inet_aton(ip) + bytes(8)


def unpack(raw):
    if len(raw) < 8:
        return None
    return [struct.unpack("<H", raw[:2])[0], struct.unpack(">H", raw[2:4])[0], socket.inet_ntoa(raw[4:8])]


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32), ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int),
    ]


class Pollfd(ctypes.Structure):
    _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


class EpollEvent(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("events", ctypes.c_uint32), ("data", ctypes.c_uint64)]


def iovec(buffers):
    """An array of buffers; a number is a NULL pointer with that length."""
    keep.append(buffers)
    array = (Iovec * len(buffers))()
    for place, buffer in zip(array, buffers):
        null = isinstance(buffer, int)
        place.base = None if null else ctypes.cast(buffer, ctypes.c_void_p)
        place.len = buffer if null else len(buffer)
    return array


def send_buffers(parts):
    return [part if isinstance(part, int) else ctypes.create_string_buffer(bytes(part), len(part)) for part in parts]


def receive_buffers(rooms):
    return [size if null else ctypes.create_string_buffer(size) for size, null in rooms]


def cmsgs(messages):
    raw = b""
    for level, kind, data in messages:
        one = struct.pack("<QII", 16 + len(data), level, kind) + bytes(data)
        raw += one + bytes(-len(one) % 8)
    return raw


def split_cmsgs(raw):
    """The control messages of a buffer, as [level, type, data]."""
    messages, at = [], 0
    while at + 16 <= len(raw):
        length, level, kind = struct.unpack_from("<QII", raw, at)
        messages.append([level, kind, list(raw[at + 16 : at + length])])
        at += -(-length // 8) * 8
    return messages


def joined(buffers, count):
    return b"".join(bytes(b.raw) if not isinstance(b, int) else bytes(b) for b in buffers)[:count]


keep = []


def make_message(name, args):
    """As `make` for the calls with arrays; the last thing given collects what the kernel filled in."""
    if name == "readv":
        buffers = receive_buffers(args[1])
        array = iovec(buffers)
        return [args[0], array, len(buffers)], lambda value: {"data": list(joined(buffers, value))}
    if name == "writev":
        array = iovec(send_buffers(args[1]))
        return [args[0], array, len(args[1])], None
    if name in ("sendmsg", "recvmsg"):
        sends = name == "sendmsg"
        buffers = send_buffers(args[2]) if sends else receive_buffers(args[2])
        array = iovec(buffers)
        header = Msghdr(iov=ctypes.addressof(array), iovlen=len(buffers))
        if sends:
            addr, control = pack(args[1]), cmsgs(args[3])
            addr = ctypes.create_string_buffer(addr, 16) if addr else None
            control = ctypes.create_string_buffer(control, len(control)) if control else None
        else:
            addr = ctypes.create_string_buffer(16) if args[1] else None
            control = ctypes.create_string_buffer(args[3]) if args[3] else None
        keep.append((array, addr, control))
        if addr:
            header.name, header.namelen = ctypes.addressof(addr), 16
        if control:
            header.control, header.controllen = ctypes.addressof(control), len(control)
        collect = lambda value: {
            "data": list(joined(buffers, value)),
            "addr": unpack(addr.raw) if addr and header.namelen else None,
            "control": split_cmsgs(control.raw[: header.controllen]) if control else [],
            "flags": header.flags,
        }
        return [args[0], ctypes.byref(header), args[4]], None if sends else collect
    if name == "poll":
        array = (Pollfd * max(1, len(args[0])))(*[Pollfd(fd, events, 0) for fd, events in args[0]])
        return [array, len(args[0]), args[1]], lambda value: {"revents": [p.revents for p in array][: len(args[0])]}
    if name == "epoll_ctl":
        event = EpollEvent(*args[3]) if args[3] else None
        keep.append(event)
        return [args[0], args[1], args[2], ctypes.byref(event) if event else None], None
    if name == "epoll_wait":
        array = (EpollEvent * max(1, min(64, args[1])))()
        return [args[0], array, args[1], args[2]], lambda value: {
            "events": [[e.events, e.data] for e in array[:value]]
        }
    if name == "ioctl":
        number = ctypes.c_int(args[2])
        keep.append(number)
        return [args[0], args[1], ctypes.byref(number)], lambda value: {"int": number.value}
    return None


def make(name, args):
    """Gives the argument list for libc, the buffer the kernel fills, and the address it fills."""
    size = args[1] if name == "getsockname" else 16
    length = ctypes.c_uint32(size)
    addr = ctypes.create_string_buffer(max(16, size))
    if name in ("bind", "connect"):
        return [args[0], pack(args[1]), 16], None, None, None
    if name in ("accept", "getsockname", "getpeername"):
        return [args[0], addr, ctypes.byref(length)], None, addr, None
    if name == "accept4":
        return [args[0], addr, ctypes.byref(length), args[1]], None, addr, None
    if name == "sendto":
        to = pack(args[3])
        return [args[0], bytes(args[1]), ctypes.c_size_t(len(args[1])), args[2], to, 16 if to else 0], None, None, None
    if name == "write":
        return [args[0], bytes(args[1]), ctypes.c_size_t(len(args[1]))], None, None, None
    if name == "recvfrom":
        data = ctypes.create_string_buffer(max(1, args[1]))
        size = ctypes.c_size_t(args[1])
        if args[3]:
            return [args[0], data, size, args[2], addr, ctypes.byref(length)], data, addr, None
        return [args[0], data, size, args[2], None, None], data, None, None
    if name == "read":
        data = ctypes.create_string_buffer(max(1, args[1]))
        return [args[0], data, ctypes.c_size_t(args[1])], data, None, None
    if name == "setsockopt":
        return [args[0], args[1], args[2], bytes(args[3]), len(args[3])], None, None, None
    if name == "getsockopt":
        data = ctypes.create_string_buffer(max(1, args[3]))
        got = ctypes.c_uint32(args[3])
        return [args[0], args[1], args[2], data, ctypes.byref(got)], data, None, got
    return args, None, None, None


def nulled(name, arguments):
    """The same call with NULL for its buffer."""
    place = {"poll": 0, "bind": 1, "connect": 1, "setsockopt": 3, "getsockopt": 3, "ioctl": 2, "write": 1, "read": 1,
             "sendto": 1, "recvfrom": 1, "epoll_wait": 1, "sendmsg": 1, "recvmsg": 1}[name]
    return [None if at == place else argument for at, argument in enumerate(arguments)]


def prepare(call):
    """The function, its arguments, and a function that tells what the kernel filled in."""
    name, args, null = call[0], call[1:], False
    if name == "null":
        name, args, null = args[0][0], args[0][1:], True
    message = make_message(name, args)
    if message:
        arguments, collect = message
    else:
        arguments, data, addr, got = make(name, args)

        def collect(value):
            filled = b""
            if data is not None:
                filled = data.raw[: got.value if got is not None else value]
            return {"data": list(filled), "addr": unpack(addr.raw) if addr is not None else None}

    if null:
        arguments, collect = nulled(name, arguments), None
    function = getattr(libc, name)
    sizes = ("sendto", "recvfrom", "read", "write", "readv", "writev", "sendmsg", "recvmsg")
    function.restype = ctypes.c_long if name in sizes else ctypes.c_int
    if name == "ioctl":
        function.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p]
    return function, arguments, collect


calls = json.load(open(sys.argv[1]))
made = [prepare(call) for call in calls]
raw = []
libc.close(999)
for function, args, collect in made:
    value = function(*args)
    raw.append((value, ctypes.get_errno() if value < 0 else 0))
libc.close(998)
results = []
for (value, errno), (function, _, collect) in zip(raw, made):
    result = {"value": value, "errno": errno, "data": [], "addr": None}
    if collect and value >= 0:
        result.update(collect(value))
    results.append(result)
json.dump(results, open(sys.argv[2], "w"))
