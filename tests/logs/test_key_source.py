"""The key of secrets from where an operator keeps it: a keyring's command, or a passphrase."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from engine.config import read_config
from engine.errors import StorageError, UsageError
from engine.vault import Vault

PHRASE = "correct horse battery staple"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "master.key"


def says(*lines: str) -> str:
    """A command that prints these."""
    return "printf %s\\\\n " + shlex.join(lines)


def test_a_passphrase_opens_what_it_sealed_and_no_key_lies_on_the_disk(key_file: Path) -> None:
    text = Vault(key_file, says(PHRASE)).seal("hunter2!", "c")
    assert Vault(key_file, says(PHRASE)).open(text, "c") == "hunter2!"
    assert [path.name for path in key_file.parent.iterdir()] == ["key.salt"]
    assert (key_file.parent / "key.salt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("changed", ["phrase", "salt"])
def test_neither_another_passphrase_nor_another_salt_opens_it(key_file: Path, changed: str) -> None:
    text = Vault(key_file, says(PHRASE)).seal("x", "c")
    if changed == "salt":
        (key_file.parent / "key.salt").unlink()
    phrase = "another horse battery staple" if changed == "phrase" else PHRASE
    with pytest.raises(StorageError, match="cannot be opened") as caught:
        Vault(key_file, says(phrase)).open(text, "c")
    assert "what key_command prints" in caught.value.hint


def test_a_key_out_of_a_keyring_opens_what_a_key_file_had_sealed(key_file: Path) -> None:
    text = Vault(key_file).seal("x", "c")
    key = key_file.read_text().strip()
    key_file.unlink()
    assert Vault(key_file, says(key)).open(text, "c") == "x"


def test_what_was_sealed_by_the_key_file_opens_after_the_move(key_file: Path) -> None:
    text = Vault(key_file).seal("x", "c")
    assert Vault(key_file, says(PHRASE)).open(text, "c") == "x"


def test_a_renewed_key_seals_and_the_former_line_still_opens(
    key_file: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "phrases"
    kept.write_text(f"{PHRASE}\n")
    vault = Vault(key_file, f"cat {kept}")
    old = vault.seal("old", "c")
    kept.write_text(f"a phrase that is newer\n{PHRASE}\n")
    vault.take(vault.renewed())
    new = vault.seal("new", "c")
    assert vault.open(old, "c") == "old"
    assert Vault(key_file, says("a phrase that is newer")).open(new, "c") == "new"


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("/no/such/program", "could not be asked for"),
        ("true", "it printed nothing"),
        ("sh -c 'echo locked >&2; exit 3'", "ended with 3: locked"),
        (says("short"), "shorter than 12"),
        (says("wingman-key-1:nothing"), "of key_command is damaged"),
    ],
)
def test_a_key_that_cannot_be_had_is_told(key_file: Path, command: str, what: str) -> None:
    with pytest.raises(StorageError) as caught:
        Vault(key_file, command).seal("x", "c")
    assert what in f"{caught.value} {caught.value.hint}"


def test_a_damaged_salt_is_told(key_file: Path) -> None:
    Vault(key_file, says(PHRASE)).seal("x", "c")
    (key_file.parent / "key.salt").write_text("zz")
    with pytest.raises(StorageError, match=r"key\.salt"):
        Vault(key_file, says(PHRASE)).seal("x", "c")


@pytest.mark.parametrize("given", ['""', "3", '"an open \'quote"', '["a"]'])
def test_a_command_that_is_none_is_told(tmp_path: Path, given: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"key_command = {given}\n")
    with pytest.raises(UsageError, match="key_command"):
        read_config(path)
