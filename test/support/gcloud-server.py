"""Runs gcloud's own code, loaded once: each command is a fork of this process, which spares the second that loading takes.

Listens on the Unix socket that is named by the first argument. A client sends one line of JSON, {"args", "env", "cwd"},
with its three standard streams attached, and is told the exit code. Ends with its standard input.
"""

import array
import importlib
import json
import os
import socket
import sys
import threading

library = os.path.join(sys.argv[2], "lib")
sys.path[:0] = [library, os.path.join(library, "third_party")]

from googlecloudsdk import gcloud_main  # noqa: E402

learning = threading.Lock()


def learn(names):
    """Loads what a command had to load, so that the next one finds it."""
    with learning:
        for name in names:
            try:
                importlib.import_module(name)
            except Exception:  # some are only made while a command runs
                pass


def receive(connection):
    """The request and the three file descriptors that came with it."""
    descriptors = array.array("i")
    space = socket.CMSG_LEN(3 * descriptors.itemsize)
    data = b""
    while not data.endswith(b"\n"):
        chunk, ancillary, _, _ = connection.recvmsg(1 << 16, space)
        if not chunk:
            return None, descriptors
        data += chunk
        for _, _, attached in ancillary:
            descriptors.frombytes(attached)
    return json.loads(data), descriptors


def run(request, descriptors, report):
    """In the child: never returns. Tells the parent what it had to load."""
    code = 1
    before = set(sys.modules)
    try:
        for target, source in enumerate(descriptors):
            os.dup2(source, target)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.argv = [os.path.join(library, "gcloud.py"), *request["args"]]
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
        gcloud_main.main(gcloud_main.CreateCLI([]))
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # said, and the parent goes on
        import traceback

        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            names = [name for name in set(sys.modules) - before if not name.startswith("surface")]
            with os.fdopen(report, "w") as file:
                file.write("\n".join(names))
        finally:
            os._exit(code)


def serve(path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection):
    with connection:
        request, descriptors = receive(connection)
        if request is None:
            return
        source, report = os.pipe()
        with learning:
            pid = os.fork()
        if pid == 0:
            os.close(source)
            run(request, descriptors, report)
        for descriptor in [*descriptors, report]:
            os.close(descriptor)
        with os.fdopen(source) as file:
            names = file.read().split()
        _, status = os.waitpid(pid, 0)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    learn(names)


serving = threading.Thread(target=serve, args=(sys.argv[1],), daemon=True)
serving.start()
sys.stdin.read()
