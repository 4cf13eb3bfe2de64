"""A child that does not outlive its parent, even one that is killed with SIGKILL."""

import ctypes
import os
import signal
import sys

# From <linux/prctl.h>.
PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int | None = None) -> None:
    """Have the kernel kill this process once its parent is gone; does nothing outside Linux.

    Call it in the child. `parent_pid` is what the parent knew as its own id before it started this process:
    if it died in the meantime, this process exits at once. The kernel counts the parent's *thread*: a child
    started from a thread that ends dies with that thread. Raises OSError when the kernel refuses.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid() if parent_pid is None else parent_pid
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
    if os.getppid() != parent:
        # The signal would never come. Nothing has been started yet that would need an orderly end.
        os._exit(1)
