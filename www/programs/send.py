import socket
host = '192.168.1.100'
port = 8080
data = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
    s.connect((host, port))
    s.sendall(data)
