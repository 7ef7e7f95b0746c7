"""The engine's clock: ordered whatever the wall clock does, and never standing still."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.clock import Clock

SECOND_NS = 1_000_000_000


class World:
    """A wall clock that somebody sets, and time that really passes."""

    def __init__(self) -> None:
        self.wall_ns = 1_700_000_000 * SECOND_NS
        self.elapsed_ns = 0
        self.clock = Clock(lambda: self.wall_ns, lambda: self.elapsed_ns)

    def passes(self, ns: int) -> None:
        """Real time goes by, on both."""
        self.wall_ns += ns
        self.elapsed_ns += ns


def test_it_is_the_wall_clock_where_nobody_sets_it() -> None:
    world = World()
    for _ in range(5):
        world.passes(SECOND_NS)
        assert world.clock.now_us() == world.wall_ns // 1000


def test_a_clock_that_is_set_back_goes_on_and_is_caught_up_with() -> None:
    world = World()
    before = world.clock.now_us()
    world.wall_ns -= 3600 * SECOND_NS
    world.passes(10 * SECOND_NS)
    assert world.clock.now_us() - before == 8_750_000
    for _ in range(8 * 60):
        world.passes(60 * SECOND_NS)
        world.clock.now_us()
    assert world.clock.now_us() - world.wall_ns // 1000 < 10


def test_a_clock_that_is_set_forward_is_believed() -> None:
    world = World()
    world.clock.now_us()
    world.wall_ns += 3600 * SECOND_NS
    assert world.clock.now_us() == world.wall_ns // 1000


def test_the_newest_event_of_the_journal_is_before_any_new_one() -> None:
    world = World()
    ahead = world.wall_ns // 1000 + 5_000_000
    world.clock.at_least(ahead)
    assert world.clock.now_us() > ahead


@given(st.lists(st.tuples(st.integers(0, 10**10), st.integers(-(10**13), 10**13))))
def test_it_never_goes_back_and_never_slower_than_time(steps: list[tuple[int, int]]) -> None:
    world = World()
    last = world.clock.now_us()
    for passed_ns, set_ns in steps:
        world.passes(passed_ns)
        world.wall_ns = max(0, world.wall_ns + set_ns)
        now = world.clock.now_us()
        assert now > last
        assert now - last >= passed_ns // 1000 * 7 // 8 - 1
        last = now
