"""Settings from the environment, a file, secret files and the command line; what is unsafe is refused by name."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hotspot.safety import UnsafeSettings, is_loopback, problems, refuse_unsafe
from hotspot.settings import DEMO_SECRET_KEY, BadSetting, Settings, load
from tests.conftest import SECRET_KEY

PASSWORD = "correct-horse-battery"
URL = f"postgresql://hotspot:{PASSWORD}@db/hotspot"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HOTSPOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOTSPOT_DATA_DIR", str(tmp_path / "data"))


def say(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"HOTSPOT_{name.upper()}", value)


def write_config(monkeypatch: pytest.MonkeyPatch, path: Path, text: str) -> None:
    path.write_text(text)
    monkeypatch.setenv("HOTSPOT_CONFIG", str(path))


# --- where they come from ------------------------------------------------------------------------------------------------


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_config(
        monkeypatch,
        tmp_path / "hotspot.toml",
        'http_port = 1\nradius_auth_port = 2\nradius_acct_port = 3\nlanguages = ["en"]\ncity = "Pangkalpinang"\n',
    )
    say(monkeypatch, http_port="10", radius_auth_port="20")

    settings = load(http_port=100, radius_acct_port=None)

    assert (settings.http_port, settings.radius_auth_port, settings.radius_acct_port) == (100, 20, 3)
    assert (settings.languages, settings.city) == (("en",), "Pangkalpinang")


def test_a_secret_comes_from_a_file_without_its_line_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET_KEY + "\n")
    (tmp_path / "url").write_text(URL)
    say(monkeypatch, secret_key_file=str(tmp_path / "key"), database_url_file=str(tmp_path / "url"))
    say(monkeypatch, city_file=str(tmp_path / "key"))

    settings = load()

    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == SECRET_KEY
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == URL
    assert settings.city == "", "only secrets come from files"


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, secret_key="", http_port="", database_url="")

    settings = load()

    assert (settings.secret_key, settings.http_port, settings.database_url) == (None, 8080, None)


@pytest.mark.parametrize("said", ["en,id", "en, id", '["en", "id"]'])
def test_languages_are_a_list(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    say(monkeypatch, languages=said)

    assert load().languages == ("en", "id")


@pytest.mark.parametrize(
    ("said", "hosts"),
    [(None, ["0.0.0.0", "::"]), ("::1", ["::1"]), ("127.0.0.1, ::1,", ["127.0.0.1", "::1"])],
)
def test_radius_listens_at_each_address_of_a_list(
    monkeypatch: pytest.MonkeyPatch, said: str | None, hosts: list[str]
) -> None:
    say(monkeypatch, radius_host=said or "")

    assert load().radius_hosts == hosts


def test_settings_never_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().http_port = 1  # type: ignore[misc]


# --- what can't be used --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("http_port", "eighty", "http_port: Input should be a valid integer"),
        ("http_port", "65536", "http_port: Input should be less than or equal to 65535"),
        ("radius_host", "127.0.0.1,localhost", "radius_host: 'localhost' is not an IP address"),
        ("radius_host", ",", "radius_host: ',' is not an IP address"),
        ("radius_processes", "0", "radius_processes: Input should be greater than or equal to 1"),
        ("radius_reject_delay", "60", "radius_reject_delay: Input should be less than or equal to 5"),
        ("log_level", "loud", "log_level: String should match"),
        ("time_zone", "Asia/Nowhere", "time_zone: there is no time zone 'Asia/Nowhere'; use a name like"),
        ("time_zone", "../../etc/passwd", "time_zone: there is no time zone"),
        ("time_zone", "Asia/Kolkata", "time_zone: 'Asia/Kolkata' is not a whole number of hours"),
        ("night_from", "01:00Z", "night_from: is a time of the city's clock"),
        ("night_until", "05:00+07:00", "night_until: is a time of the city's clock"),
        ("languages", "id,fr", "languages: there are no pages in fr; there are in en, id"),
        ("languages", "-", "languages: Tuple should have at least 1"),
        ("database_url", "mysql://hotspot:x@db/x", "database_url: only postgresql:// addresses"),
        ("database_url", f"postgresql://h:{PASSWORD}@[/x", "database_url: is not an address"),
        ("database_url", f"postgresql://h:{PASSWORD}@db:port/x", "database_url: is not an address"),
        ("public_url", "portal.example", "public_url: 'portal.example' is not an http"),
        ("public_url", "ftp://portal.example", "public_url: 'ftp://portal.example' is not an http"),
        ("public_url", "https://", "public_url: 'https://' is not an http"),
    ],
)
def test_a_bad_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str) -> None:
    say(monkeypatch, **{name: value})

    with pytest.raises(BadSetting) as caught:
        load()

    assert str(caught.value).startswith(problem)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__suppress_context__, "the library's own message repeats what was given"


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_config(monkeypatch, tmp_path / "hotspot.toml", 'colour = "red"\n')
    say(monkeypatch, http_port="x", time_zone="x")

    with pytest.raises(BadSetting, match=r"http_port: .*; time_zone: .*; colour: Extra inputs"):
        load()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "HOTSPOT_CONFIG: can't read .*: No such file"),
        (b"x = [", "HOTSPOT_CONFIG: .* is not TOML"),
        (b"\xff\xfe", "HOTSPOT_CONFIG: .* is not TOML"),
    ],
)
def test_a_configuration_file_that_can_not_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "hotspot.toml"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("HOTSPOT_CONFIG", str(path))

    with pytest.raises(BadSetting, match=problem):
        load()


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "can't read .*: No such file"), (b"\xff", "is not text"), (b" \n", "is empty")],
)
def test_a_secret_file_that_holds_no_secret_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    say(monkeypatch, secret_key_file=str(path))

    with pytest.raises(BadSetting, match=f"HOTSPOT_SECRET_KEY_FILE: .*{problem}"):
        load()


# --- secrets -------------------------------------------------------------------------------------------------------------


def test_secrets_are_in_no_representation() -> None:
    settings = load(secret_key=SECRET_KEY, database_url=URL)

    for said in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.keys)):
        assert SECRET_KEY not in said
        assert PASSWORD not in said


def test_without_a_secret_key_one_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"

    keys = load(data_dir=data).keys

    assert load(data_dir=data).keys == keys
    assert load(data_dir=tmp_path / "other").keys != keys
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in data.iterdir()] == ["secret.key"]


def test_a_given_secret_key_leaves_no_file(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path / "data", secret_key=SECRET_KEY)

    assert settings.keys is settings.keys
    assert not (tmp_path / "data").exists()


def test_those_who_start_together_agree_on_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    exists = Path.exists

    def not_yet(path: Path) -> bool:
        return False if path.name == "secret.key" else exists(path)

    first = load(data_dir=data).keys
    monkeypatch.setattr(Path, "exists", not_yet)

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: load(data_dir=data).keys).result() == first


# --- what `serve` refuses ------------------------------------------------------------------------------------------------


def safe(tmp_path: Path, **changed: object) -> Settings:
    return load(**{"data_dir": tmp_path, "secret_key": SECRET_KEY, "public_url": "https://wifi.example/", **changed})


def test_safe_settings_are_served(tmp_path: Path) -> None:
    refuse_unsafe(safe(tmp_path))
    refuse_unsafe(safe(tmp_path, secret_key=None, database_url=URL))
    refuse_unsafe(safe(tmp_path, database_url="postgresql:///hotspot?host=/run/postgresql"))
    refuse_unsafe(safe(tmp_path, public_url="http://127.0.0.1:8080"))
    refuse_unsafe(safe(tmp_path, public_url=None, http_host="::1"))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"secret_key": DEMO_SECRET_KEY}, "HOTSPOT_SECRET_KEY: this is the demo's secret"),
        ({"secret_key": "change-me-123"}, "HOTSPOT_SECRET_KEY: this is a placeholder"),
        ({"secret_key": "ababababababababababababababababab"}, "HOTSPOT_SECRET_KEY: this is a placeholder"),
        ({"secret_key": "q8Zr2LwX9vKd"}, "HOTSPOT_SECRET_KEY: shorter than 32 characters"),
        ({"database_url": "postgresql://hotspot:postgres@db/x"}, "HOTSPOT_DATABASE_URL: the password is a placeholder"),
        ({"forwarded_allow_ips": "10.0.0.1,*"}, "HOTSPOT_FORWARDED_ALLOW_IPS: "),
        ({"public_url": "http://wifi.example"}, "HOTSPOT_PUBLIC_URL: guests and staff need https"),
        ({"public_url": None, "http_host": "0.0.0.0"}, "HOTSPOT_PUBLIC_URL: guests and staff need https"),
        ({"demo": True}, "HOTSPOT_DEMO: only `hotspot demo` may set it"),
    ],
)
def test_each_unsafe_setting_is_refused_by_name(tmp_path: Path, changed: dict[str, object], problem: str) -> None:
    found = problems(safe(tmp_path, **changed))

    assert len(found) == 1
    assert found[0].startswith(problem)
    with pytest.raises(UnsafeSettings):
        refuse_unsafe(safe(tmp_path, **changed))


def test_every_unsafe_setting_is_named_at_once_and_no_secret_with_it(tmp_path: Path) -> None:
    (tmp_path / "DEMO").touch()
    settings = safe(
        tmp_path,
        secret_key="short-Secret-0815",
        database_url="postgresql://u:change-me@db/x",
        forwarded_allow_ips="*",
        public_url="http://wifi.example",
        demo=True,
    )

    with pytest.raises(UnsafeSettings) as caught:
        refuse_unsafe(settings)

    names = ("SECRET_KEY", "DATABASE_URL", "FORWARDED_ALLOW_IPS", "PUBLIC_URL", "DEMO", "DATA_DIR")
    assert all(f"HOTSPOT_{name}: " in str(caught.value) for name in names)
    assert "short-Secret-0815" not in str(caught.value)
    assert "change-me" not in str(caught.value)


# --- addresses and zones -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "address"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"http_host": "::1", "http_port": 9000}, "http://[::1]:9000"),
        ({"public_url": "https://wifi.example/"}, "https://wifi.example"),
    ],
)
def test_links_start_with_the_public_address_or_the_listening_one(changed: dict[str, object], address: str) -> None:
    assert load(**changed).base_url == address


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("", False)],
)
def test_loopback_is_this_machine_alone(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_the_zone_is_the_citys() -> None:
    assert load().zone.key == "Asia/Jakarta"
    assert load(time_zone="Asia/Jayapura").zone.key == "Asia/Jayapura"
