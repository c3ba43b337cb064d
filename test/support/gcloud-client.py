"""`gcloud` as a client of gcloud-server.py, whose socket GCLOUD_SERVER names."""

import array
import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
    connection.connect(os.environ["GCLOUD_SERVER"])
    request = {"args": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}
    data = json.dumps(request).encode() + b"\n"
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
    sent = connection.sendmsg([data], [rights])
    connection.sendall(data[sent:])
    sys.exit(int(connection.makefile().readline() or 1))
