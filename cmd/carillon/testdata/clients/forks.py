"""Runs an AWS CLI that is written in Python many times, and has it imported once, which takes
most of the time of each run. The program itself is as it was installed.

    forks.py serve PROGRAM      takes runs from the socket that is file descriptor 3
    forks.py run SOCKET ARGS... is a run, with the arguments, directory, environment, standard
                                files and exit code of this process
"""
import os
import socket
import sys


def serve(program):
    import gc
    import runpy

    before = os.environb.copy()
    import awscli.clidriver
    awscli.clidriver.create_clidriver()  # imports what each run needs
    imported = {name: value for name, value in os.environb.items() if before.get(name) != value}
    gc.freeze()  # and keep it on pages that the children share
    listener = socket.socket(fileno=3)
    while True:
        client, _ = listener.accept()
        first, files, _, _ = socket.recv_fds(client, 1 << 16, 3)
        with client.makefile('rb') as rest:
            count, *words = (first + rest.read()).split(b'\0')
        child = os.fork()
        if not child:
            listener.close()
            client.close()
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            cut = int(count)
            os.chdir(words[0])
            sys.argv = [program] + [os.fsdecode(word) for word in words[1:cut]]
            os.environb.clear()
            os.environb.update(word.split(b'=', 1) for word in words[cut:])
            os.environb.update(imported)  # where the package has its data
            runpy.run_path(program, run_name='__main__')
            sys.exit()
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        client.send(bytes([os.waitstatus_to_exitcode(status) & 255]))
        client.close()


def run(address, *args):
    words = [os.getcwdb(), *map(os.fsencode, args), *(b'='.join(pair) for pair in os.environb.items())]
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    socket.send_fds(server, [b'%d\0' % (1 + len(args))], [0, 1, 2])
    server.sendall(b'\0'.join(words))
    server.shutdown(socket.SHUT_WR)
    sys.exit(ord(server.recv(1)))


if __name__ == '__main__':
    {'serve': serve, 'run': run}[sys.argv[1]](*sys.argv[2:])
