import socket

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.bind(('', 8080))
    server.listen()
    conn, peer = server.accept()
    with conn:
        while True:
            data = conn.recv(1024)
            if not data:
                break
            print('received', len(data), 'bytes:', data)
