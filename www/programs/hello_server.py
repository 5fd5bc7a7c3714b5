import socket

server = socket.socket()
server.bind(('', 5000))
server.listen()
conn, peer = server.accept()
data = conn.recv(4096)
print('received', data)
conn.close()
server.close()
