"""The level of a log line, found from the line itself when somebody looks.

Nothing is classified while a log is written: a level costs more than storing the line. A whole
block is searched once, at disk speed, for anything that could make a line other than `info`
(`next_candidate`); only lines with such a find are looked at one by one (`level_of`).

In this order: a shell's trace (`+ echo ERROR` is a command, no error), workflow commands
(`::error::`), JSON and logfmt fields, the prefixes of syslog, glog and friends, Python's
tracebacks, then the first level word near the line's beginning. A word in capitals counts where it
stands alone; in other letters only where a delimiter follows (`error:`, `[warn]`), since
`0 errors` and `error_log` say nothing. Else the line is `info`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.logs.regex import Search, Span, compile_search

DEBUG, INFO, WARNING, ERROR = range(4)
LEVEL_NAMES = ("debug", "info", "warning", "error")
LOOKED_AT_BYTES = 2048  # fields of JSON and logfmt
WORD_WITHIN_BYTES = 192  # level words: farther on they belong to the message


class LevelCounts(NamedTuple):
    """Lines by level."""

    debug: int = 0
    info: int = 0
    warning: int = 0
    error: int = 0


_WORDS = {
    DEBUG: b"debug debu dbug dbg trace trac trce trc verbose vrb fine finer finest",
    INFO: b"info information informational inf notice note log ok success",
    WARNING: b"warning warn wrn warns",
    ERROR: (
        b"error err erro eror errors fatal fata ftl critical crit alert emerg emergency "
        b"severe panic dpanic fail failed failure"
    ),
}
_LEVEL_OF_WORD = {word: level for level, words in _WORDS.items() for word in words.split()}
_SHORT = {b"t": DEBUG, b"d": DEBUG, b"v": DEBUG, b"i": INFO, b"n": INFO, b"w": WARNING, b"e": ERROR,
          b"f": ERROR, b"c": ERROR}  # fmt: skip

# Words that mean too much else: in capitals, and in other letters before a delimiter.
_CAPITALS = _LEVEL_OF_WORD.keys() - set(b"note ok success errors warns fail fine".split())
_DELIMITED = {word for word in _LEVEL_OF_WORD if len(word) > 3 and word != b"fine"}
_DELIMITED |= {b"err", b"log", b"dbg"}
_TOKEN = re.compile(rb"[A-Za-z]{2,}")
_DELIMITER = re.compile(rb"(?:\[[A-Z]*\d+\])?(?:: |:$|:\t|\]|>|\t|! )")
_NOT_BEFORE = b"0123456789_./=$-"
_NOT_AFTER = frozenset(bytes((byte,)) for byte in b"0123456789_=.$-")

_TRACED = re.compile(rb"\++ ")
_SGR = re.compile(rb"\x1b\[[0-9;:]*[A-Za-z]")
_COMMAND = re.compile(
    rb"(?:::|##\[)(error|warning|notice|debug|command|group|section)\b[^:\]]*(?:::|\])"
)
_COMMANDS = {b"error": ERROR, b"warning": WARNING, b"debug": DEBUG}
_JSON = re.compile(
    rb'"(level|severity|lvl|loglevel|log_level|log\.level|levelname|level_name|@l|@level|'
    rb'severity_text|levelno|priority|s)"\s*:\s*(?:"([^"]{1,20})"|(-?\d{1,3})\b)',
    re.IGNORECASE,
)
_LOGFMT = re.compile(
    rb"(?:^|[\s,\[{(])(?:log_?)?(?:level|lvl|severity)=[\"']?([A-Za-z]{1,12})", re.IGNORECASE
)
_SYSLOG = re.compile(rb"<(\d{1,3})>")
_GLOG = re.compile(rb"([IWEF])\d{4} \d\d:\d\d:\d\d")
_ANDROID = re.compile(
    rb"(?:\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +\d+ +\d+ ([VDIWEF]) [\w.]+ *: "
    rb"|([VDIWEF])/[\w.]+ *\( *\d+\): )"
)
_APT = re.compile(rb"([EW]): ")
_LOGRUS = re.compile(rb"(TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI)\[")
_PYTHON = re.compile(
    rb"Traceback \(most recent call last\)"
    rb"|(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|ExceptionGroup|Exit|Timeout)(?::|$)"
)
_PYTHON_WARNING = re.compile(rb"\S+:\d+: \w*Warning: |(?:[A-Za-z_]\w*\.)*[A-Z]\w*Warning: ")
_OTHER_ERROR = re.compile(
    rb"panic: |Caused by: |Exception in thread |Unhandled exception|Uncaught "
    rb"|g?make(?:\[\d+\])?: \*\*\* "
    rb"|(?:[\w./-]+: )?(?:line \d+: +\d+ )?(?:Segmentation fault|Aborted|Bus error|Killed)(?:\s|$)"
)

_ERROR_CANDIDATE = (
    rb"err|fatal|fata\[|ftl|crit|alert|emerg|severe|panic|pani\[|fail|exception|interrupt"
    rb"|timeout:|exit:|exit\s*$|\x1b\["
    rb"|traceback|caused by|unhandled|uncaught|segmentation|segfault|aborted|killed"
    rb"|command not found|: \*\*\* "
    rb'|(?:level|severity|lvl|levelname|level_name|levelno|priority|@l|"s")"?\s*[:=]\s*["\']?'
    rb"(?:[dtvwefc]\b|d\d?\"|-?\d)"
    rb"|^[\s\x0b]*(?:<\d|[ewf]\d{4} |[ew]: )"
    rb"|^[\s\x0b]*(?:\d\d-\d\d [\d:.]+ +\d+ +\d+ [vdwef] |[vdwef]/[\w.]+ *\()"
)
_CANDIDATE = rb"warn|wrn|debug|dbug|debu|dbg|trac|trce|trc|verbose|vrb|fine|" + _ERROR_CANDIDATE
_searches: dict[bytes, Search] = {}


def next_candidate(block: bytes, start: int) -> Span | None:
    """The next place in a block that could make its line other than `info`."""
    return _search_of(_CANDIDATE)(block, start)


def next_error(block: bytes, start: int) -> Span | None:
    """The next place in a block that could make its line an error: no mere word of a warning."""
    return _search_of(_ERROR_CANDIDATE)(block, start)


def _search_of(pattern: bytes) -> Search:
    """Compiled with its first use: not every process looks for levels."""
    found = _searches.get(pattern)
    if found is None:
        found = _searches[pattern] = compile_search(b"(?m)" + pattern, ignore_case=True)
    return found


def level_of(line: bytes) -> int:
    """The level of one line (without its newline)."""
    line = line[:LOOKED_AT_BYTES]
    if b"\x1b" in line:
        line = _SGR.sub(b"", line)
    line = line.strip()
    for rule in _RULES:
        level = rule(line)
        if level is not None:
            return level
    return INFO


def count_levels(block: bytes) -> LevelCounts:
    """How many lines of each level a block of whole lines holds."""
    total = block.count(b"\n") + (not block.endswith(b"\n") and bool(block))
    counts = [0, 0, 0, 0]
    at = 0
    while (span := next_candidate(block, at)) is not None:
        start, end = line_around(block, span[0])
        counts[level_of(block[start:end])] += 1
        at = end + 1
        if at > len(block):
            break
    counts[INFO] = total - counts[DEBUG] - counts[WARNING] - counts[ERROR]
    return LevelCounts(*counts)


def line_around(block: bytes, at: int) -> Span:
    """Where the line that holds a place begins and ends."""
    start = block.rfind(b"\n", 0, at) + 1
    end = block.find(b"\n", at)
    return start, len(block) if end < 0 else end


# -- the rules, in order --


def _by_trace(line: bytes) -> int | None:
    return INFO if _TRACED.match(line) else None


def _by_command(line: bytes) -> int | None:
    if line[:1] not in b":#":
        return None
    found = _COMMAND.match(line)
    return None if found is None else _COMMANDS.get(found[1], INFO)


def _by_json(line: bytes) -> int | None:
    if line[:1] != b"{":
        return None
    for found in _JSON.finditer(line):
        key, word, number = found[1].lower(), found[2], found[3]
        if key == b"s" and (word is None or not line.startswith(b'{"t":')):
            continue  # MongoDB's, and nobody else's
        level = _of_word(word) if word is not None else _of_number(key, int(number))
        if level is not None:
            return level
    return None


def _of_word(word: bytes) -> int | None:
    word = word.lower()
    if word in _LEVEL_OF_WORD:
        return _LEVEL_OF_WORD[word]
    if word.lstrip(b"-").isdigit():
        return _of_number(b"level", int(word))
    return _SHORT.get(word[:1]) if len(word) == 1 or word[1:].isdigit() else None


def _of_number(key: bytes, number: int) -> int:
    if key == b"levelno":  # Python's numbers
        return DEBUG if number < 20 else INFO if number < 30 else WARNING if number < 40 else ERROR
    if 0 <= number <= 7 and key != b"severity_number":  # syslog's, GELF's, the journal's
        return ERROR if number <= 3 else WARNING if number == 4 else INFO if number < 7 else DEBUG
    return DEBUG if number < 30 else INFO if number < 40 else WARNING if number < 50 else ERROR


def _by_logfmt(line: bytes) -> int | None:
    lower = line.lower()
    if b"level=" not in lower and b"lvl=" not in lower and b"severity=" not in lower:
        return None
    found = _LOGFMT.search(line)
    return None if found is None else _of_word(found[1])


def _by_prefix(line: bytes) -> int | None:
    first = line[:1]
    if first == b"<":
        found = _SYSLOG.match(line)
        return None if found is None or int(found[1]) > 191 else _of_number(b"", int(found[1]) & 7)
    if line[4:5] == b"[":
        found = _LOGRUS.match(line)
        return None if found is None else _LEVEL_OF_WORD[found[1].lower()]
    found = _ANDROID.match(line)
    if found is None and first in b"IWEF":
        found = _GLOG.match(line) or _APT.match(line)
    return None if found is None else _SHORT[found[found.lastindex or 1].lower()]


def _by_language(line: bytes) -> int | None:
    if _PYTHON_WARNING.match(line):
        return WARNING
    if _PYTHON.match(line) or _OTHER_ERROR.match(line):
        return ERROR
    return ERROR if line.endswith(b": command not found") or b" segfault at " in line else None


def _by_word(line: bytes) -> int | None:
    for found in _TOKEN.finditer(line, 0, WORD_WITHIN_BYTES):
        word = found[0].lower()
        level = _LEVEL_OF_WORD.get(word)
        if level is None:
            continue
        start, end = found.span()
        if start and line[start - 1] in _NOT_BEFORE:
            continue
        if found[0].isupper():
            if word in _CAPITALS and line[end : end + 1] not in _NOT_AFTER:
                return level
        elif word in _DELIMITED and _DELIMITER.match(line, end):
            return level
    return None


_RULES = (_by_trace, _by_command, _by_json, _by_logfmt, _by_prefix, _by_language, _by_word)
