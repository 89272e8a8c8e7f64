"""The kernel behind Mage's notebook, without the TCP port on which it takes what forked processes print."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import zmq
from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread
from zmq.eventloop.zmqstream import ZMQStream


class PrivateOutput(IOPubThread):
    """Takes that output over a socket in the folder for temporary files."""

    def _setup_pipe_in(self) -> None:
        self._pipe_uuid = os.urandom(16)
        self._pipe_address = f"ipc://{tempfile.gettempdir()}/kernel-output-{os.getpid()}"
        socket = self.socket.context.socket(zmq.PULL)
        socket.linger = 0
        socket.bind(self._pipe_address)
        self._pipe_in = ZMQStream(socket, self.io_loop)
        self._pipe_in.on_recv(self._handle_pipe_msg)

    def _setup_pipe_out(self) -> tuple[Any, Any]:
        context = zmq.Context()  # a forked process needs its own
        socket = context.socket(zmq.PUSH)
        socket.linger = 3000
        socket.connect(self._pipe_address)
        return context, socket


if __name__ == "__main__":
    sys.path[0] = ""  # as for a kernel that is started by name
    kernelapp.IOPubThread = PrivateOutput
    kernelapp.launch_new_instance()
