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


calls = json.load(open(sys.argv[1]))
made = [(getattr(libc, call[0]), *make(call[0], call[1:])) for call in calls]
raw = []
for function, _, _, _, _ in made:
    function.restype = ctypes.c_long if function.__name__ in ("sendto", "recvfrom", "read", "write") else ctypes.c_int
libc.close(999)
for function, args, data, addr, got in made:
    value = function(*args)
    raw.append((value, ctypes.get_errno() if value < 0 else 0))
libc.close(998)
results = []
for (value, errno), (function, _, data, addr, got) in zip(raw, made):
    filled = b""
    if data is not None and value >= 0:
        filled = data.raw[: got.value if got is not None else value]
    name = unpack(addr.raw) if addr is not None and value >= 0 else None
    results.append({"value": value, "errno": errno, "data": list(filled), "addr": name})
json.dump(results, open(sys.argv[2], "w"))
