import socket

s = socket.socket()
s.connect(('10.0.0.3', 5000))
s.sendall(b"hello")
print('sent')
s.close()
