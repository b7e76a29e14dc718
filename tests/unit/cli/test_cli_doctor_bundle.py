"""The bundle for support: all that helps, and no secret, wherever one was planted."""

from __future__ import annotations

import json
import os
import stat
import tarfile
import threading
from typing import TYPE_CHECKING, Any

import pytest
from command_line import everything_below
from programs import script

from gpucore.cli.doctor import bundle
from gpucore.cli.doctor.examination import examine
from gpucore.cli.doctor.secrets import LEFT_OUT, Censor
from gpucore.errors import ConfigError, GpucoreError

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli

SECRETS = {
    "environment, by its name": "s3cret-of-a-token",
    "environment, under any name": "hunter2-of-mine",
    "configuration, by its name": "s3cret-of-a-licence",
    "configuration, under any name": "swordfish-1234",
    "argument": "s3cret-argument-99",
    "address": "s3cret-in-an-url",
    "printed": "s3cret-printed-7",
    "token": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "pem": "MIIEowIBAAKCAQEAplanted",
}
"""What is planted, by where."""


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PATH", os.defpath)


def opened(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        found = {}
        for one in archive.getmembers():
            file = archive.extractfile(one)
            assert file is not None
            found[one.name.partition("/")[2]] = file.read().decode()
    return found


def bundled(cli: Cli, *more: str) -> dict[str, str]:
    ran = cli("doctor", "--devices", "simulated:1", "--bundle", "b.tar.gz", *more)
    assert ran.code in {0, 1}, ran.err
    assert "written: b.tar.gz" in ran.err
    return opened(cli.folder / "b.tar.gz")


@pytest.fixture
def planted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return the command line after a failed run, with secrets planted wherever one may be."""
    monkeypatch.setenv("LAB_TOKEN", SECRETS["environment, by its name"])
    monkeypatch.setenv("LAB_SETTING", SECRETS["environment, under any name"])
    program = script(
        cli.folder / "talk",
        f"""echo "token of the environment: $LAB_TOKEN; setting: $LAB_SETTING"
echo "of the configuration: $LICENCE_KEY $COLOUR_OF_IT"
echo "argument: $*"
echo 'password={SECRETS["printed"]}'
echo "Authorization: Bearer {SECRETS["printed"]}"
echo "fetch https://me:{SECRETS["address"]}@files.example/x"
echo "using {SECRETS["token"]}"
echo "-----BEGIN RSA PRIVATE KEY-----"; echo "{SECRETS["pem"]}"
echo "-----END RSA PRIVATE KEY-----"
echo "out of luck" >&2
exit 3""",
    )
    cli.write(
        "talk.toml",
        f"""
schema = 1
name = "talk"
title = "talk: a program that says too much"

[program]
executable = "{program}"

[command]
argv = ["%(EXE)s", "--api-key", "%(key)s", "--url", "%(url)s", "%(src)s", "%(dst)s"]

[params]
src = {{ type = "path", item = true, help = "what is read" }}
dst = {{ type = "path", output = "%(src.stem)s.out", help = "what is made" }}
key = {{ type = "string", help = "its key" }}
url = {{ type = "string", help = "where" }}
""",
    )
    cli.write(
        "gpucore.toml",
        f"""
adapters = ["talk.toml"]

[program.talk]
env = {{ LICENCE_KEY = "{SECRETS["configuration, by its name"]}", \
COLOUR_OF_IT = "{SECRETS["configuration, under any name"]}", OMP_NUM_THREADS = "4" }}
""",
    )
    ran = cli(
        "map", "talk", "a.tif", "b.tif", "-o", "out", "--gpus", "",
        "--set", f"key={SECRETS['argument']}",
        "--set", f"url=https://me:{SECRETS['address']}@files.example/x",
    )  # fmt: skip
    assert ran.code == 1, ran.err
    return cli


@pytest.mark.slow
def test_no_secret_is_in_the_bundle_wherever_it_was_planted(planted: Cli) -> None:
    printed = "".join(path.read_text() for path in planted.folder.glob("out/.gpucore/runs/*/log/*"))
    assert all(secret in printed for secret in SECRETS.values())
    files = bundled(planted, "--run", "out")
    logs = [text for name, text in files.items() if name.startswith("run/logs/")]
    assert len(logs) == 2
    for text in logs:  # all else is in them
        assert "out of luck" in text
        assert f"password={LEFT_OUT}" in text
    everything = "\n".join(files.values())
    for where, secret in SECRETS.items():
        assert secret not in everything, where
    raw = (planted.folder / "b.tar.gz").read_bytes()
    assert not any(secret.encode() in raw for secret in SECRETS.values())


@pytest.mark.slow
def test_the_bundle_has_what_helps(planted: Cli) -> None:
    files = bundled(planted, "--run", "out")
    assert set(files) == {
        "README.txt", "doctor.json", "environment.json", "run/journal.json",
        "run/logs/00.txt", "run/logs/01.txt",
    }  # fmt: skip
    doctor: dict[str, Any] = json.loads(files["doctor.json"])
    facts = {one["check"]: one["facts"] for one in doctor["checks"]}
    rows = {one["setting"]: one for one in facts["configuration"]["settings"]}
    assert rows["program.talk.env.OMP_NUM_THREADS"]["value"] == "4"
    assert rows["program.talk.env.LICENCE_KEY"]["value"] == LEFT_OUT
    assert rows["program.talk.env.LICENCE_KEY"]["origin"].endswith("gpucore.toml:5")
    assert facts["plugins"]["plugins"]
    names = json.loads(files["environment.json"])
    assert names["LAB_SETTING"] == names["LAB_TOKEN"] == LEFT_OUT
    assert names["PATH"] == os.defpath
    journal = json.loads(files["run/journal.json"])
    assert journal["counts"] == {"failed": 2}
    assert journal["runs"][0]["version"]
    first = journal["failed"][0]
    assert first["step"] == "talk/a"
    assert first["exit_code"] == 3
    assert first["argv"][1:3] == ["--api-key", LEFT_OUT]
    assert first["argv"][-2].endswith("a.tif")
    assert first["tail"] == "logs/00.txt"


@pytest.mark.slow
def test_without_a_run_the_bundle_says_what_the_doctor_says(cli: Cli) -> None:
    files = bundled(cli)
    assert set(files) == {"README.txt", "doctor.json", "environment.json"}
    mode = stat.S_IMODE((cli.folder / "b.tar.gz").stat().st_mode)
    assert mode == 0o600


@pytest.mark.slow
def test_the_bundle_takes_the_place_of_nothing(cli: Cli) -> None:
    cli.write("b.tar.gz", "mine\n")
    said = cli.refuses("doctor", "--bundle", "b.tar.gz")
    assert "`b.tar.gz` is there already" in said
    assert "--force" in said
    ran = cli("doctor", "--devices", "simulated:1", "--bundle", "b.tar.gz", "--force")
    assert ran.code in {0, 1}
    assert "doctor.json" in opened(cli.folder / "b.tar.gz")
    assert "is a folder" in cli.refuses("doctor", "--bundle", ".", "--force")
    assert "there is no folder `no`" in cli.refuses("doctor", "--bundle", "no/b.tar.gz")


def test_what_came_to_be_there_meanwhile_is_kept_and_nothing_is_left_beside_it(cli: Cli) -> None:
    examination = examine(None, "simulated:1")
    path = cli.folder / "late.tar.gz"
    path.write_text("mine\n")
    before = everything_below(cli.folder)
    with pytest.raises(ConfigError, match="is there already"):
        bundle.write_bundle(path, examination, run=None, force=False)
    assert everything_below(cli.folder) == before


def test_a_bundle_that_cannot_be_made_whole_is_not_there(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    examination = examine(None, "simulated:1")
    before = everything_below(cli.folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle.os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        bundle.write_bundle(cli.folder / "b.tar.gz", examination, run=None, force=False)
    assert everything_below(cli.folder) == before


def test_options_of_the_bundle_are_refused_without_it(cli: Cli) -> None:
    assert "`--run` is for `--bundle FILE`" in cli.refuses("doctor", "--run", "out")
    assert "`--force` is for `--bundle FILE`" in cli.refuses("doctor", "--force")


def test_a_folder_without_a_run_is_refused_and_no_bundle_is_left(cli: Cli) -> None:
    ran = cli("doctor", "--devices", "simulated:1", "--bundle", "b.tar.gz", "--run", ".")
    assert ran.code == 2
    assert "there is no journal of a run" in ran.err
    assert not (cli.folder / "b.tar.gz").exists()


def test_a_journal_whose_file_system_does_not_answer_is_given_up(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def hang(folder: Path, censor: Censor) -> dict[str, str]:
        released.wait()
        return {}

    monkeypatch.setattr(bundle, "_READING", 0.05)
    monkeypatch.setattr(bundle, "_of_run", hang)
    try:
        with pytest.raises(GpucoreError, match="was not read within"):
            bundle.write_bundle(
                cli.folder / "b.tar.gz", examine(None, "simulated:1"), run="out", force=False
            )
    finally:
        released.set()


def test_of_a_long_log_the_end_is_kept_from_a_whole_line_on(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("password=" + "x" * 100_000 + "-end-of-a-secret\n" + "the last line\n")
    assert bundle._tail(log) == "the last line\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--password hunter2", "--password [left out]"),
        ("prog --api-key=abc --bin 2", "prog --api-key=[left out] --bin 2"),
        ('{"api_token": "abc def", "bin": 2}', '{"api_token": [left out], "bin": 2}'),
        ("MY_SECRET='a b' x", "MY_SECRET=[left out] x"),
        ("Authorization: Bearer abc.def", "Authorization: [left out]"),
        ("https://user:pw@host/a", "https://user:[left out]@host/a"),
        ("AKIAABCDEFGHIJKLMNOP is", "[left out] is"),
        ("out of the environment: abcdefgh-1", "out of the environment: [left out]"),
        ("patch 5 5, GPU-fa4e0000 /data/a.tif at 12:30", None),
        ("--pixel-size 0.885 --gpu 0 1", None),
        ("/opt/gctf/Gctf: 3 passes, 2 tokens left", None),
    ],
)
def test_what_is_secret_is_left_out_of_a_text_and_nothing_else(
    text: str, shown: str | None
) -> None:
    censor = Censor([{"ANY": "abcdefgh-1", "PATH": "/opt/gctf", "SHORT": "5"}])
    assert censor.text(text) == (text if shown is None else shown)


def test_data_are_censored_by_their_names_and_by_the_option_before(tmp_path: Path) -> None:
    censor = Censor([])
    data = {"argv": ["a", "--token", "b", "--token=c", "d"], "password": "e", "n": 1, "deep":
            [{"secret": "f", "is_secret": True}]}  # fmt: skip
    assert censor.data(data) == {
        "argv": ["a", "--token", LEFT_OUT, f"--token={LEFT_OUT}", "d"],
        "password": LEFT_OUT,
        "n": 1,
        "deep": [{"secret": LEFT_OUT, "is_secret": True}],
    }
