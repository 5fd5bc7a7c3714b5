import socket

data = b"0123456789abcdef" * 12500
with socket.socket() as s:
    s.connect(('192.168.1.100', 9000))
    s.sendall(data)
print('the kernel has taken', len(data), 'bytes')
