# The Python side of the module socket, as in CPython's Lib/socket.py; the C side is calls.rs.
#
# Each method makes the system calls that CPython makes, in its order.
def _sp_make_socket():
    class socket:
        def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
            self._timeout = None
            if fileno is None:
                self.family = 2 if family == -1 else family
                type = 1 if type == -1 else type
                self.proto = 0 if proto == -1 else proto
                self.type = _sp_kind(type)
                self._fd = _sp_socket(self.family, type, self.proto)
            else:
                _sp_sockname_any(fileno)
                self._fd = fileno
                self.family = 2 if family == -1 else family
                self.type = _sp_getkind(fileno) if type == -1 else type
                self.proto = _sp_getproto(fileno) if proto == -1 else proto

        # CPython is at the line of the with statement again when it leaves; monty isn't, so it is kept.
        def __enter__(self):
            self._line = _sp_line()
            return self

        def __exit__(self, *args):
            fd = self._fd
            if fd >= 0:
                self._fd = -1
                _sp_close(fd, self._line)

        def __repr__(self):
            fd = self._fd
            text = f'<socket.socket{" [closed]" if fd < 0 else ""} fd={fd}, family={self.family}, type={self.type}, proto={self.proto}'
            return text + '>'

        # What print() shows. CPython shows it everywhere, but __repr__ can't make system calls here.
        def _sp_describe(self):
            text = repr(self)
            fd = self._fd
            if fd < 0:
                return text
            local = _sp_sockname_or_none(fd)
            remote = _sp_peername_or_none(fd)
            text = text[:-1]
            if local is not None:
                text += f', laddr={local}'
            if remote is not None:
                text += f', raddr={remote}'
            return text + '>'

        def close(self):
            fd = self._fd
            if fd >= 0:
                self._fd = -1
                _sp_close(fd)

        def detach(self):
            fd = self._fd
            self._fd = -1
            _sp_detach(fd)
            return fd

        def fileno(self):
            return self._fd

        def bind(self, address):
            _sp_bind(self._fd, address)

        def listen(self, backlog=128):
            _sp_listen(self._fd, backlog)

        def accept(self):
            fd, address = _sp_accept(self._fd)
            return socket(self.family, self.type, self.proto, fd), address

        def connect(self, address):
            _sp_connect(self._fd, address)

        def connect_ex(self, address):
            return _sp_connect_ex(self._fd, address)

        def send(self, data, flags=0):
            return _sp_send(self._fd, data, flags)

        def sendall(self, data, flags=0):
            sent = _sp_send(self._fd, data, flags)
            while sent < len(data):
                sent += _sp_send(self._fd, data[sent:], flags)

        def sendto(self, *args):
            return _sp_sendto(self._fd, args)

        def recv(self, bufsize, flags=0):
            return _sp_recv(self._fd, bufsize, flags)

        def recvfrom(self, bufsize, flags=0):
            return _sp_recvfrom(self._fd, bufsize, flags)

        def recv_into(self, buffer, nbytes=0, flags=0):
            _sp_gap('recv_into(): there is no bytearray here; use recv()')

        def shutdown(self, how):
            _sp_shutdown(self._fd, how)

        def getsockname(self):
            return _sp_getsockname(self._fd)

        def getpeername(self):
            return _sp_getpeername(self._fd)

        def setsockopt(self, level, optname, value):
            _sp_setsockopt(self._fd, level, optname, value)

        def getsockopt(self, level, optname, buflen=0):
            return _sp_getsockopt(self._fd, level, optname, buflen)

        def setblocking(self, flag):
            self.settimeout(None if flag else 0.0)

        def getblocking(self):
            return self._timeout is None

        def settimeout(self, value):
            if value is not None and value != 0:
                _sp_gap('socket timeouts are not there yet: they need poll(2)')
            _sp_setblocking(self._fd, value is None)
            self._timeout = value

        def gettimeout(self):
            return self._timeout

        def makefile(self, mode='r', buffering=None, encoding=None, errors=None, newline=None):
            _sp_gap('makefile() is not there yet; use recv() and sendall()')

    def create_connection(address, timeout=None, source_address=None, all_errors=False):
        _sp_check_address(address)
        sock = socket(2, 1, 6)
        try:
            if timeout is not None:
                sock.settimeout(timeout)
            if source_address is not None:
                sock.bind(source_address)
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock

    def create_server(address, family=2, backlog=None, reuse_port=False, dualstack_ipv6=False):
        sock = socket(family, 1)
        try:
            sock.setsockopt(1, 2, 1)
            if reuse_port:
                sock.setsockopt(1, 15, 1)
            sock.bind(address)
            sock.listen(128 if backlog is None else backlog)
        except OSError:
            sock.close()
            raise
        return sock

    _sp_module_socket.error = OSError
    _sp_module_socket.timeout = TimeoutError
    _sp_module_socket.gaierror = PermissionError
    _sp_module_socket.herror = PermissionError
    _sp_module_socket.socket = socket
    _sp_module_socket.SocketType = socket
    _sp_module_socket.create_connection = create_connection
    _sp_module_socket.create_server = create_server

_sp_make_socket()
