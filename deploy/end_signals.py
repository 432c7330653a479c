"""The signals that end a command in order."""

import signal


def end_signals() -> list[signal.Signals]:
    """Ctrl+C, `kill`, and the end of the terminal; not the last one where `nohup` has it ignored."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    return numbers
