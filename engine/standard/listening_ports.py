"""The steps of listening-ports: /proc/net's tables and the processes that hold the sockets.

Runs in a worker, imports the standard library only. Who holds a socket of another user is known
to root alone; for others the port is told without its process.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

TABLES = (("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp"))
LISTENING = {"tcp": "0A", "udp": "07"}  # udp has no listening; 07 is bound and not connected
WORD_BYTES = 4


def collect() -> dict[str, Any]:
    """Every listening port with its address and the processes behind it."""
    holders = socket_holders()
    ports = []
    for table, protocol in TABLES:
        for address, port, inode in listening(Path("/proc/net", table), protocol):
            ports.append(
                {
                    "port": f"{protocol}/{port}",
                    "address": address,
                    "process": ", ".join(sorted(holders.get(inode, ()))),
                }
            )
    ports.sort(key=lambda each: (each["port"].partition("/")[0], int(each["port"][4:])))
    for each in ports:
        print(f"INFO {each['port']:<10} {each['address']:<24} {each['process']}")
    return {"ports": ports, "count": len(ports)}


def compare(ports: list[dict[str, str]], allowed: list[str], loopback: bool) -> dict[str, Any]:
    """What is not allowed; SystemExit when there is any."""
    judged = [each for each in ports if loopback or not is_loopback(each["address"])]
    unexpected = [each for each in judged if each["port"] not in allowed]
    for each in unexpected:
        who = each["process"] or "unknown (of another user or container)"
        print(f"ERROR {each['port']} is not on the list: {each['address']}, process {who}")
    silent = sorted(set(allowed) - {each["port"] for each in judged})
    if silent:
        print(f"DEBUG allowed, and nothing listens: {', '.join(silent)}")
    if unexpected:
        raise SystemExit(f"ERROR {len(unexpected)} of {len(judged)} ports are not on the list")
    print(f"INFO all of {len(judged)} ports are on the list")
    return {"unexpected": []}


def listening(table: Path, protocol: str) -> list[tuple[str, int, str]]:
    """The (address, port, inode) of the table's listening sockets."""
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return []
    found = []
    for line in lines:
        fields = line.split()
        local, state, inode = fields[1], fields[3], fields[9]
        if state == LISTENING[protocol]:
            address, _, port = local.partition(":")
            found.append((address_of(address), int(port, 16), inode))
    return found


def address_of(text: str) -> str:
    """The address that the kernel prints as words in its own byte order."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        words = [raw[at : at + WORD_BYTES][::-1] for at in range(0, len(raw), WORD_BYTES)]
        raw = b"".join(words)
    return str(ipaddress.ip_address(raw))


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches the address."""
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def socket_holders() -> dict[str, set[str]]:
    """Inode of a socket: the processes that have it open, as `name (pid)`."""
    holders: dict[str, set[str]] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = Path("/proc", pid, "comm").read_text().strip()
            for fd in os.listdir(f"/proc/{pid}/fd"):
                link = os.readlink(f"/proc/{pid}/fd/{fd}")
                if link.startswith("socket:["):
                    holders.setdefault(link[8:-1], set()).add(f"{name} ({pid})")
        except OSError:  # it has ended, or is not ours
            continue
    return holders
