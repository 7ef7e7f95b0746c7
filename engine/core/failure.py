"""From the facts of an ended attempt to a state and an error in words. Pure."""

from __future__ import annotations

from typing import Any

SIGNAL_WORDS = {
    "SIGSEGV": "invalid memory access",
    "SIGABRT": "the program aborted itself",
    "SIGKILL": "killed from outside; out of memory is a common cause",
    "SIGTERM": "asked to end from outside",
    "SIGPIPE": "wrote to a pipe nobody reads",
    "SIGFPE": "arithmetic error",
    "SIGBUS": "bus error",
    "SIGINT": "interrupted",
    "SIGHUP": "hang-up",
    "SIGXCPU": "CPU time limit",
    "SIGXFSZ": "file size limit",
}
SIGNAL_NAMES = {
    1: "SIGHUP", 2: "SIGINT", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV",
    13: "SIGPIPE", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
}  # fmt: skip
EXIT_WORDS = {
    126: "found, but could not be executed",
    127: "command not found",
    141: "a program in it wrote to a pipe whose reader had left, as `| head` does",
}


def judge(end: dict[str, Any], timeout_s: float | None) -> tuple[str, dict[str, Any] | None]:
    """The step state and the error ({"type", "message"} or None) that an attempt's end means."""
    outcome = end["outcome"]
    if outcome in ("cancelled", "killed"):
        return "cancelled", {"type": "cancelled", "message": "cancelled while it ran"}
    if outcome == "timeout":
        limit = f" of {timeout_s:g} s" if timeout_s else ""
        return "failed", {"type": "timeout", "message": f"ran longer than its timeout{limit}"}
    error = end.get("error")
    if outcome == "start_failed":
        error = error or {"type": "start_failed", "message": "could not be started"}
    elif error and error["type"] == OUTPUT_ERROR and (end.get("exit_code") or end.get("signal")):
        error = None  # that it failed says more than that its outputs cannot be read
    if error:
        return "failed", {"type": error["type"], "message": error["message"]}
    if end.get("oom"):
        return "failed", {"type": "oom", "message": "killed: out of memory"}
    if end.get("signal"):
        return "failed", _signal_error(end["signal"])
    if end.get("exit_code"):
        return "failed", _exit_error(end["exit_code"])
    return "completed", None


def _signal_error(name: str) -> dict[str, Any]:
    words = SIGNAL_WORDS.get(name)
    return {
        "type": f"signal:{name}",
        "message": f"ended by {name}" + (f" ({words})" if words else ""),
    }


def _exit_error(code: int) -> dict[str, Any]:
    words = EXIT_WORDS.get(code)
    if words is None and code - 128 in SIGNAL_NAMES:  # as a shell tells it
        words = f"a program in it was ended by {SIGNAL_NAMES[code - 128]}"
    return {
        "type": f"exit:{code}",
        "message": f"exited with {code}" + (f" ({words})" if words else ""),
    }


OUTPUT_ERROR = "output"
INTERRUPTED = {
    "type": "interrupted",
    "message": "the machine or the runner died under it; whether it had effects is unknown",
}
