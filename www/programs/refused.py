import socket

s = socket.socket()
s.connect(('192.168.1.100', 8080))
s.sendall(b"is anybody there?")
