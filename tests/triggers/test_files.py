"""Files that come, change or go: each settled version once, also over a restart."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.triggers.world import World


def flow(folder: Path, **more: str) -> str:
    words = "".join(f", {key}: {value}" for key, value in more.items())
    return (
        "inputs: {file: {type: string}, change: {type: string}}\n"
        f"triggers: [{{watch: '{folder}/*.csv', inputs: {{file: '${{{{ event.name }}}}', "
        f"change: '${{{{ event.change }}}}'}}{words}}}]\n"
        "steps: [{id: a, run: 'true'}]\n"
    )


async def made(world: World, count: int) -> list[tuple[str, str]]:
    """What the executions were started for, once there are so many."""
    for _ in range(600):
        found = await world.executions()
        if len(found) >= count:
            break
        await asyncio.sleep(0.02)
    return [(row["inputs"]["change"], row["inputs"]["file"]) for row in found]


async def known(world: World) -> None:
    """Until the first look is over."""
    for _ in range(600):
        if world.keeper.find("f").known is not None and not world.keeper.files._tasks:
            return
        await asyncio.sleep(0.02)


def write(path: Path, text: str) -> None:
    path.write_text(text)
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + len(text)))


async def test_each_settled_version_starts_the_flow_once(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "old.csv", "was there")
    world.write("f", flow(folder, on="[created, modified, deleted]", settle="0s"))
    async with world.serving():
        await known(world)
        write(folder / "a.csv", "one")
        write(folder / "a.txt", "no match")
        assert await made(world, 1) == [("created", "a.csv")]
        write(folder / "a.csv", "and two")
        assert (await made(world, 2))[1:] == [("modified", "a.csv")]
        (folder / "old.csv").unlink()
        assert (await made(world, 3))[2:] == [("deleted", "old.csv")]
        world.keeper.files.look_at_all()
        await known(world)
    write(folder / "b.csv", "while no engine ran")
    async with world.serving():
        assert (await made(world, 4))[3:] == [("created", "b.csv")]
    async with world.serving():
        await known(world)
        assert len(await world.executions()) == 4


async def test_a_file_that_grows_is_waited_for_and_one_that_goes_is_no_fault(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    world.write("f", flow(folder, settle="300ms"))
    async with world.serving():
        await known(world)
        folder.mkdir()
        world.keeper.files.look_at_all()
        for n in range(5):
            write(folder / "a.csv", "x" * (n + 1))
            write(folder / "gone.csv", "x")
            await asyncio.sleep(0.05)
        (folder / "gone.csv").unlink()
        world.keeper.files.look_at_all()
        assert await made(world, 1) == [("created", "a.csv")]
        (row,) = await world.rows("f:watch")
        assert row["outcome"] == "ran"
