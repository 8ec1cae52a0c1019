"""Two processes of this machine, in the place of two machines."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import one_host
import pytest

ROOT = Path(__file__).parents[2]


def pair(folder, *arguments, at=0, number=0):
    """The exit statuses of two processes, of which the second one sends itself a signal when the
    row of an epoch is reported; and what they said, on stdout and stderr."""
    address = f"127.0.0.1:{free_port()}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    set_ = {"XLA_FLAGS": flags.strip(), "JAX_PLATFORMS": "cpu", "PYTHONPATH": path}
    how = {"env": {**os.environ, **set_}, "text": True, "cwd": folder}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with contextlib.ExitStack() as stack:
        processes = []
        for index in range(2):
            given = [address, str(index), str(at), str(number), *map(str, arguments)]
            process = subprocess.Popen([sys.executable, one_host.__file__, *given], **how, **pipes)
            stack.callback(process.kill)
            processes.append(process)
        said = [process.communicate(timeout=500) for process in processes]
    return [process.returncode for process in processes], said


def free_port():
    with socket.socket() as asked:
        try:
            asked.bind(("127.0.0.1", 0))
        except OSError as error:
            pytest.skip(f"nothing can listen on 127.0.0.1: {error}")
        return asked.getsockname()[1]
