"""The steps of a file as a graph: who needs whom, circles, what is reached. Called by `check`.

Works on indices and bit sets, without recursion: a file may hold thousands of steps. Standard
library only.
"""

from __future__ import annotations

from collections.abc import Sequence


def circles(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    """Each circle once, in order: every step needs the next, the last needs the first."""
    found: list[list[int]] = []
    state = [0] * len(needs)  # 0 new, 1 on the path, 2 done
    for start in range(len(needs)):
        if state[start]:
            continue
        path, cursors = [start], [0]
        state[start] = 1
        while path:
            here, cursor = path[-1], cursors[-1]
            if cursor == len(needs[here]):
                state[here] = 2
                path.pop()
                cursors.pop()
                continue
            cursors[-1] += 1
            following = needs[here][cursor]
            if state[following] == 1:
                found.append(path[path.index(following):])
            elif state[following] == 0:
                state[following] = 1
                path.append(following)
                cursors.append(0)
    return found


def reached(needs: Sequence[Sequence[int]]) -> list[int]:
    """For each step the bit set of all steps that it needs, directly or not (no circles)."""
    sets: list[int | None] = [None] * len(needs)
    for start in range(len(needs)):
        stack = [start]
        while stack:
            here = stack[-1]
            waiting = [one for one in needs[here] if sets[one] is None]
            if waiting and sets[here] is None:
                stack.extend(waiting)
                continue
            stack.pop()
            if sets[here] is None:
                bits = 0
                for one in needs[here]:
                    bits |= (sets[one] or 0) | (1 << one)
                sets[here] = bits
    return [bits or 0 for bits in sets]
