"""Files that come, change or go: each settled version once, also over a restart."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from engine.triggers import files, inotify, matching
from tests.triggers.world import World


def flow(folder: Path, pattern: str = "*.csv", **more: str) -> str:
    words = "".join(f", {key}: {value}" for key, value in more.items())
    return (
        "inputs: {file: {type: string}, change: {type: string}}\n"
        f"triggers: [{{watch: '{folder}/{pattern}', inputs: {{file: '${{{{ event.name }}}}', "
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


async def told(world: World, begin: str) -> str:
    """What the trigger's problem is, once it begins so; "" for none."""
    problem = ""
    for _ in range(600):
        problem = world.keeper.find("f").problem
        if problem.startswith(begin) and bool(problem) == bool(begin):
            return problem
        await asyncio.sleep(0.02)
    raise AssertionError(problem)


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


async def test_folders_are_searched_in_their_depth_also_new_ones(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "loop").symlink_to(folder)
    world.write("f", flow(folder, "**/*.csv", settle="0s"))
    async with world.serving():
        await known(world)
        for name in ("top.csv", "a/b/deep.csv", ".hidden/no.csv", "a/no.txt"):
            write(folder / name, "x")
        assert set(await made(world, 2)) == {("created", "top.csv"), ("created", "deep.csv")}
        (folder / "new" / "c").mkdir(parents=True)
        write(folder / "new" / "c" / "late.csv", "x")
        assert (await made(world, 3))[2:] == [("created", "late.csv")]
    async with world.serving():
        await known(world)
        assert len(await world.executions()) == 3


async def test_what_the_kernel_does_not_watch_is_told_and_looked_at_each_minute(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    world.write("f", flow(folder, settle="0s"))
    async with world.serving():
        await known(world)
        watch = world.keeper.files._watch
        watch.watch(())

        def full(folder: str) -> bool:
            watch.refused[folder] = inotify._REASONS[errno.ENOSPC]
            return False

        monkeypatch.setattr(watch, "_add", full)
        write(folder / "a.csv", "x")
        world.keeper.each_minute()
        assert await made(world, 1) == [("created", "a.csv")]
        problem = await told(world, files.UNWATCHED)
        assert "1 of 1 are looked at each minute" in problem
        assert "fs.inotify.max_user_watches" in problem
        monkeypatch.undo()
        world.keeper.each_minute()
        await told(world, "")


async def test_more_files_than_can_be_known_are_told_and_start_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "FILES_LIMIT", 3)
    folder = tmp_path / "in"
    folder.mkdir()
    world.write("f", flow(folder, settle="0s"))
    async with world.serving():
        await known(world)
        for n in range(4):
            write(folder / f"{n}.csv", "x")
        await told(world, "more than 3 files match")
        before = len(await world.executions())
        (folder / "0.csv").unlink()
        (folder / "1.csv").unlink()
        assert {name for _, name in await made(world, max(before, 2))} >= {"2.csv", "3.csv"}
        await told(world, "")


async def test_a_file_that_is_gone_before_its_turn_is_told_and_starts_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    world.write("f", flow(folder, settle="0s"))
    async with world.serving():
        await known(world)
        monkeypatch.setattr(files, "stamp_of", lambda path: None)
        write(folder / "a.csv", "x")
        for _ in range(300):
            rows = await world.rows("f:watch")
            if rows:
                break
            await asyncio.sleep(0.02)
        assert [(row["outcome"], row["reason"]) for row in rows] == [files.GONE]
        assert await world.executions() == []
        monkeypatch.undo()
        name = os.fsdecode(b"bad-\xff.csv")
        write(folder / name, "x")
        for _ in range(300):
            if len(await world.rows("f:watch")) == 2:
                break
            await asyncio.sleep(0.02)
        assert (await world.rows("f:watch"))[1]["reason"] == files.NO_TEXT[1]
    async with world.serving():  # both are known
        await known(world)
        assert name in {os.path.basename(path) for path in world.keeper.find("f").known or {}}
        assert len(await world.rows("f:watch")) == 2


def test_patterns_mean_what_the_shell_means(tmp_path: Path) -> None:
    for name in ("a/x.csv", "a/b/y.csv", "a/b/.z.csv", "c/x.csv", "d.csv/e.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")

    def files_of(pattern: str) -> list[str]:
        found = matching.find(f"{tmp_path}/{pattern}")
        return sorted(os.path.relpath(path, tmp_path) for path in found.files)

    assert files_of("a/*.csv") == ["a/x.csv"]
    assert files_of("[ac]/x.csv") == ["a/x.csv", "c/x.csv"]
    assert files_of("?/b/*") == ["a/b/y.csv"]
    assert files_of("a/b/.*") == ["a/b/.z.csv"]
    assert files_of("**/x.csv") == ["a/x.csv", "c/x.csv"]
    assert files_of("a/**/**/*.csv") == ["a/b/y.csv", "a/x.csv"]
    assert files_of("a/**") == ["a/b/y.csv", "a/x.csv"]
    assert files_of("*.csv") == []
    assert files_of("no/where/*.csv") == []
    assert matching.find(f"{tmp_path}/no/where/*.csv").folders == {str(tmp_path)}
    assert matching.find(f"{tmp_path}/a/**/*.csv").folders == {
        f"{tmp_path}/a", f"{tmp_path}/a/b"}  # fmt: skip

