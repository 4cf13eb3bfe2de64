"""`python -m supervisor`: the whole service on one machine, until Ctrl-C or SIGTERM."""

import signal
import sys
from types import FrameType


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


# Nothing has been started while the rest is imported: a request to stop is met at once, without a traceback.
for _number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_number, _leave)

from supervisor.start import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
