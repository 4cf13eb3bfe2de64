import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")

CHILD = """
import sys, time
from config.lifeline import die_with_parent
die_with_parent(int(sys.argv[1]))
print("alive", flush=True)
time.sleep(60)
"""
PARENT = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}, str(os.getpid())])
time.sleep(60)
"""


def test_a_child_dies_with_a_parent_that_is_killed() -> None:
    # The child holds the pipe too, so reading it to the end waits until both are gone.
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "alive\n"

        parent.kill()

        assert parent.stdout.read() == ""


def test_a_child_whose_parent_is_gone_already_exits_at_once() -> None:
    child = subprocess.run([sys.executable, "-c", CHILD, "1"], capture_output=True, text=True, check=False)

    assert (child.returncode, child.stdout) == (1, "")


def test_a_child_may_take_the_parent_it_has() -> None:
    code = "from config.lifeline import die_with_parent; die_with_parent(); print('alive')"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (child.returncode, child.stdout) == (0, "alive\n")
