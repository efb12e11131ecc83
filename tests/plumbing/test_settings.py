import stat
from pathlib import Path

import pytest

from frisket.errors import Blame
from frisket.plumbing.settings import BadSettings, Doors, Settings, explain, load, may_open, write_initial


def written(folder: Path, text: str) -> Path:
    file = folder / "frisket.toml"
    file.write_text(text)
    return file


def test_without_a_file_every_setting_has_its_default(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml", environ={}) == Settings() == load(None, environ={})


def test_a_door_given_in_part_keeps_its_own_other_defaults(tmp_path: Path) -> None:
    doors = load(written(tmp_path, '[doors.web]\nport = 443\n[doors.ipp]\naddress = "::1"'), environ={}).doors
    assert (doors.web.port, doors.web.on) == (443, True)
    assert (doors.ipp.address, doors.ipp.port, doors.ipp.on) == ("::1", 8632, False)
    assert (doors.ipps.port, doors.ipps.on) == (8631, True)


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, '[house]\nname = "Here"\n[doors.web]\nport = 443')
    environ = {
        "FRISKET_DOORS__WEB__PORT": "9443",
        "FRISKET_DOORS__IPPS__ON": "false",
        "FRISKET_HOUSE__HOST_NAMES": "print.example, 192.0.2.7",
        "FRISKET_SOMETHING": "not a setting: no section",
        "OTHER__NAME": "not ours",
    }
    settings = load(file, environ=environ)
    assert (settings.house.name, settings.doors.web.port, settings.doors.web.on) == ("Here", 9443, True)
    assert settings.doors.ipps.on is False
    assert settings.house.host_names == ["print.example", "192.0.2.7"]


@pytest.mark.parametrize(
    ("text", "name", "near"),
    [
        ("[limits]\njob_byte = 5", "limits.job_byte", "limits.job_bytes"),
        ("[doors.web]\nprot = 5", "doors.web.prot", "doors.web.port"),
        ('[hous]\nname = "x"', "hous", "house"),
        ("[doors.webb]\nport = 5", "doors.webb", "doors.web"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(tmp_path: Path, text: str, name: str, near: str) -> None:
    with pytest.raises(BadSettings) as caught:
        load(written(tmp_path, text), environ={})
    assert f"{name}: no such setting; did you mean {near}?" in str(caught.value)
    assert caught.value.blame is Blame.OPERATOR and caught.value.remedy


def test_an_unknown_name_in_the_environment_is_refused_too() -> None:
    with pytest.raises(BadSettings, match=r"limits\.job_byte: no such setting"):
        load(None, environ={"FRISKET_LIMITS__JOB_BYTE": "5"})
    with pytest.raises(BadSettings, match="no such setting"):
        load(None, environ={"FRISKET_HOUSE__NAME": "x", "FRISKET_HOUSE__NAME__MORE": "y"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[doors.web]\nport = 70000", "doors.web.port"),
        ('[house]\nlevel = "highest"', "house.level"),
        ("[space]\nwarn_at = 0.96", "warn_at must be below refuse_at"),
        ('[database]\nurl = "mysql://host/name"', "database.url"),
        ('[database]\nurl = "postgresql://host"', "database.url"),
        ("[house\n", "frisket.toml"),
    ],
)
def test_a_wrong_value_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        load(written(tmp_path, text), environ={})


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "frisket.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSettings, match=r"frisket\.toml"):
        load(file, environ={})


def test_a_password_in_the_database_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="password_file") as caught:
        load(written(tmp_path, '[database]\nurl = "postgresql://me:swordfish@host/name"'), environ={})
    assert "swordfish" not in str(caught.value)


def test_every_setting_is_explained_with_its_value_and_meaning() -> None:
    rows = {name: (value, meaning) for name, value, meaning in explain(Settings())}
    assert rows["doors.web.port"] == ("8443", "Port; 0 takes any free one")
    assert rows["limits.house_bytes"][0] == "unset"
    assert all(meaning for _, meaning in rows.values())


def test_the_first_file_loads_is_private_and_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "frisket.toml"
    write_initial(file, ephemeral_ports=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = load(file, environ={})
    assert settings.house.level == "normal"
    for door in (settings.doors.web, settings.doors.ipp, settings.doors.ipps):
        assert (door.address, door.port, door.on) == ("127.0.0.1", 0, True)
    with pytest.raises(FileExistsError):
        write_initial(file, ephemeral_ports=False)


def test_the_first_file_of_a_plain_house_changes_no_default(tmp_path: Path) -> None:
    file = tmp_path / "frisket.toml"
    write_initial(file, ephemeral_ports=False)
    assert load(file, environ={}) == Settings()


@pytest.mark.parametrize(
    ("level", "listed", "open_doors"),
    [
        ("normal", False, {"web", "ipps", "ipp", "lpd", "raw", "ftp", "mail", "http", "traps"}),
        ("medium", False, {"web", "ipps", "ftp", "mail", "http", "traps"}),
        ("medium", True, {"web", "ipps", "lpd", "raw", "ftp", "mail", "http", "traps"}),
        ("medium-high", False, {"web", "ipps"}),
        ("medium-high", True, {"web", "ipps", "lpd"}),
        ("high", False, {"web", "ipps"}),
        ("high", True, {"web", "ipps", "lpd"}),
    ],
)
def test_a_level_says_which_doors_may_be_open(level: str, listed: bool, open_doors: set[str]) -> None:
    door = {"networks": ["192.0.2.0/24"]} if listed else {}
    chosen = Settings.model_validate({"house": {"level": level}, "doors": {"lpd": door, "raw": door}})
    assert {name for name in Doors.model_fields if may_open(chosen, name)} == open_doors


@pytest.mark.parametrize("wrong", ['lpd.code_page = "klingon"', 'raw.networks = ["300.0.0.0/8"]'])
def test_code_pages_and_networks_are_checked_when_the_settings_are_read(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "frisket.toml"
    file.write_text(f"[doors]\n{wrong}\n")
    with pytest.raises(BadSettings, match=wrong.partition(" ")[0]):
        load(file, environ={})
