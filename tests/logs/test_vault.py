"""Sensitive inputs at rest: sealed to a key and a place."""

from __future__ import annotations

import os
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import StorageError
from engine.vault import PREFIX, Vault, is_sealed


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "master.key"


def test_nothing_is_made_before_the_first_need(key_file: Path) -> None:
    Vault(key_file)
    assert not key_file.parent.exists()


@pytest.mark.parametrize("value", ["hunter2!", "", 12, 1.5, True, None, ["a", {"b": 1}], "ü\n\0"])
def test_what_is_sealed_opens_again(key_file: Path, value: Any) -> None:
    text = Vault(key_file).seal(value, "execution/token")
    assert is_sealed(text)
    assert "hunter2" not in text
    assert Vault(key_file).open(text, "execution/token") == value


def test_the_key_file_is_private(key_file: Path) -> None:
    Vault(key_file).seal("x", "c")
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert key_file.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(key_file.parent) == ["master.key"]


def test_the_same_value_never_looks_the_same(key_file: Path) -> None:
    vault = Vault(key_file)
    assert len({vault.seal("x", "c") for _ in range(100)}) == 100


def test_another_place_does_not_open_it(key_file: Path) -> None:
    vault = Vault(key_file)
    text = vault.seal("x", "execution-1/token")
    with pytest.raises(StorageError, match="of execution-2/token cannot be opened"):
        vault.open(text, "execution-2/token")


def test_another_key_does_not_open_it(key_file: Path) -> None:
    text = Vault(key_file).seal("x", "c")
    key_file.unlink()
    Vault(key_file).seal("y", "c")
    with pytest.raises(StorageError) as caught:
        Vault(key_file).open(text, "c")
    assert str(key_file) in caught.value.hint


def test_without_its_key_file_nothing_opens_and_none_is_made(key_file: Path) -> None:
    text = Vault(key_file).seal("x", "c")
    key_file.unlink()
    with pytest.raises(StorageError, match="is missing"):
        Vault(key_file).open(text, "c")
    assert not key_file.exists()


@given(at=st.integers(0, 200), change=st.integers(1, 255))
def test_a_changed_character_is_seen(
    tmp_path_factory: pytest.TempPathFactory, at: int, change: int
) -> None:
    vault = Vault(tmp_path_factory.getbasetemp() / "changed.key")
    text = bytearray(vault.seal("a value of some length!!", "c").encode())
    at %= len(text)
    text[at] = (text[at] + change) % 256
    with pytest.raises(StorageError):
        vault.open(text.decode("latin-1"), "c")


def test_the_decoders_other_alphabet_is_no_other_way_to_write_it(key_file: Path) -> None:
    vault = Vault(key_file)
    sealed = next(text for n in range(1000) if "-" in (text := vault.seal(n, "c"))[len(PREFIX) :])
    with pytest.raises(StorageError):
        vault.open(PREFIX + sealed[len(PREFIX) :].replace("-", "+"), "c")


@pytest.mark.parametrize("text", ["", "plain", PREFIX, PREFIX + "AAAA", PREFIX + "%%%%"])
def test_what_is_not_sealed_is_refused(key_file: Path, text: str) -> None:
    vault = Vault(key_file)
    vault.seal("x", "c")
    with pytest.raises(StorageError):
        vault.open(text, "c")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(key_file: Path, mode: int) -> None:
    Vault(key_file).seal("x", "c")
    key_file.chmod(mode)
    with pytest.raises(StorageError, match="can be read by others"):
        Vault(key_file).seal("x", "c")


def test_a_damaged_key_is_refused(key_file: Path) -> None:
    key_file.parent.mkdir()
    key_file.write_text("too short")
    key_file.chmod(0o600)
    with pytest.raises(StorageError, match="is damaged"):
        Vault(key_file).seal("x", "c")


def test_links_and_pipes_are_no_keys(key_file: Path) -> None:
    Vault(key_file).seal("x", "c")
    link = key_file.with_name("link")
    link.symlink_to(key_file)
    with pytest.raises(StorageError, match="cannot be read"):
        Vault(link).seal("x", "c")
    pipe = key_file.with_name("pipe")
    os.mkfifo(pipe, 0o600)
    with pytest.raises(StorageError, match="no ordinary file"):
        Vault(pipe).seal("x", "c")


def test_a_directory_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be"):
        Vault(tmp_path / "file" / "master.key").seal("x", "c")


def test_many_first_needs_at_once_make_one_key(key_file: Path) -> None:
    with ThreadPool(16) as pool:
        texts = pool.map(lambda at: Vault(key_file).seal(at, "c"), range(64))
    vault = Vault(key_file)
    assert [vault.open(text, "c") for text in texts] == list(range(64))
    assert os.listdir(key_file.parent) == ["master.key"]


def test_a_new_key_seals_and_the_former_ones_still_open(key_file: Path) -> None:
    vault = Vault(key_file)
    first = vault.seal("one", "c")
    vault.take(vault.renewed())
    second = vault.seal("two", "c")
    assert (vault.open(first, "c"), vault.open(second, "c")) == ("one", "two")
    lines = key_file.read_bytes().splitlines()
    assert len(lines) == 2
    assert key_file.stat().st_mode & 0o777 == 0o600
    key_file.write_bytes(lines[0] + b"\n")
    assert Vault(key_file).open(second, "c") == "two", "the newest comes first"
    with pytest.raises(StorageError):
        Vault(key_file).open(first, "c")


def test_a_credential_of_systemd_goes_before_the_key_file(
    key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Vault(key_file).seal("before", "c")
    handed = tmp_path / "credentials" / "wingman.key"
    Vault(handed).seal("any", "c")  # makes one
    key = key_file.read_bytes()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed.parent))
    vault = Vault(key_file)
    text = vault.seal("value", "c")
    assert vault.open(before, "c") == "before"
    vault.take(vault.renewed())
    assert vault.open(text, "c") == "value"
    assert key_file.read_bytes() == key, "what systemd keeps is not ours to renew"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(StorageError):
        Vault(key_file).open(text, "c")
