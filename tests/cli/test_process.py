"""The command as a process, from its first moment to its last."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "import vae_jax_command; vae_jax_command.main()"]


def shell(line):
    """What a shell's line leaves: its status, and what it said on stderr."""
    line = line.replace("vae_jax", f"'{sys.executable}' -c '{COMMAND[2]}'")
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
@pytest.mark.parametrize("times", [1, 5])
def test_a_signal_while_the_library_is_imported(number, status, times):
    process = subprocess.Popen(
        [*COMMAND, "compare", "--help"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(0.4)  # python is there after a tenth of it, and jax not before it is over
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.01)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (status, b"")


@pytest.mark.parametrize("arguments", ["", "compare --help", "sample nowhere"])
def test_streams_that_are_closed(arguments):
    status, said = shell(f"vae_jax {arguments} >&-")
    assert status == (1 if "nowhere" in arguments else 0)
    assert "Traceback" not in said
    assert shell(f"vae_jax {arguments} >&- 2>&-") == (status, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="of Linux")
@pytest.mark.parametrize("arguments", ["", "compare --help"])
def test_a_disk_that_is_full_is_an_error_of_a_line(arguments):
    status, said = shell(f"vae_jax {arguments} > /dev/full")
    assert (status, said) == (1, "error: [Errno 28] No space left on device\n")
