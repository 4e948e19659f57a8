"""A slow model shows how far it has come on a terminal, and the dots stay where they were."""

import os
import pty
import subprocess
import sys
import time


def said_on_a_terminal(folder, *args, **environment):
    """What a run writes to a terminal, escape sequences and all."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "test_echo.py", *args]
    clean = {key: value for key, value in os.environ.items() if key != "CI"} | {"TERM": "xterm"} | environment
    process = subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=clean)
    os.close(theirs)
    said, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed: the run has ended
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    assert process.wait(timeout=10) == 0, said.decode()
    return said.decode()


def test_progress_is_shown_below_the_dots_on_a_terminal_and_nowhere_else(house):
    house.configure({"quick": "p=.5", "slow": "p=.5&slow_at=2000-02"})
    if house.xdist[0] == "-n":
        assert "requests" not in said_on_a_terminal(house.pytester.path, "-n", "2")
        return
    said = said_on_a_terminal(house.pytester.path)
    assert "stub:p=.5&slow_at=2000-02: 2/6 requests" in said
    assert "2 passed" in said
    # up again, and right to the column after the first dot
    assert f"\x1b[1A\x1b[{len('test_echo.py .')}C" in said
    (house.pytester.path / ".seepage/answers.sqlite").unlink()
    assert "requests" not in said_on_a_terminal(house.pytester.path, CI="true")
