"""Users, groups and policies: who gets in, and what they may do."""

import pytest

from hotspot.simulator.routeros.sessions import Session
from hotspot.simulator.routeros.traps import Trap
from hotspot.simulator.routeros.users import is_allowed
from tests.simulator.routeros.scene import Box

DENIED = "not enough permissions (9)"
BAD_LOGIN = "invalid user name or password (6)"


@pytest.fixture
def box() -> Box:
    box = Box(password="admin-password")
    box.do("/user/group/add", name="controller", policy="api,read,write,test")
    box.do("/user/add", name="hotspot", group="controller", password="long", address="10.99.0.1")
    return box


def test_the_right_password_from_the_right_address_gets_in(box: Box) -> None:
    session = box.router.log_in("hotspot", "long", address="10.99.0.1")

    assert session.policies == {"api", "read", "write", "test"}
    assert box.row("/user/active")["name"] == "hotspot"
    box.router.log_out(session)
    assert box.rows("/user/active") == []


@pytest.mark.parametrize(
    ("name", "password", "address"),
    [("hotspot", "short", "10.99.0.1"), ("nobody", "long", "10.99.0.1"), ("hotspot", "long", "10.99.0.2"), ("*1", "", "10.0.0.1"),
     ("admin", "", "10.0.0.1"), ("hotspot", "long", "no address")],
)  # fmt: skip
def test_everybody_else_hears_the_same(box: Box, name: str, password: str, address: str) -> None:
    with pytest.raises(Trap) as caught:
        box.router.log_in(name, password, address=address)

    assert caught.value.text == BAD_LOGIN
    assert "login failure" in box.rows("/log")[-1]["message"]


def test_a_disabled_user_and_a_group_without_api_stay_out(box: Box) -> None:
    box.do("/user/set", _id="hotspot", disabled="yes")
    box.do("/user/group/set", _id="full", policy="!api")

    for name, password in (("hotspot", "long"), ("admin", "admin-password")):
        with pytest.raises(Trap, match="invalid user name"):
            box.router.log_in(name, password, address="10.99.0.1")


def test_a_policy_is_added_to_and_only_taken_away_by_name(box: Box) -> None:
    box.do("/user/group/set", _id="controller", policy="ftp")
    box.do("/user/group/set", _id="controller", policy="!test")

    policy = box.row("/user/group", "name=controller")["policy"].split(",")
    assert policy[:4] == ["ftp", "read", "write", "api"]
    assert "!test" in policy
    box.do("/user/group/add", name="nothing")
    assert box.row("/user/group", "name=nothing")["policy"].startswith("!local")


@pytest.mark.parametrize(
    ("policies", "sentence", "fields"),
    [
        ("api", "/ip/pool/print", {}),
        ("api,read", "/ip/pool/add", {"ranges": "10.0.0.1"}),
        ("api,read,write", "/user/add", {"name": "x", "group": "full", "password": "y"}),
        ("api,read,write", "/user/group/set", {"_id": "read", "policy": "write"}),
        ("api,read,write", "/file/add", {"name": "x", "contents": "y"}),
        ("api,read,write", "/system/reboot", {}),
        ("api,read,write", "/system/backup/save", {"name": "x"}),
        ("api,read,write", "/tool/fetch", {"url": "http://x/"}),
        ("api,read,write", "/system/script/add", {"name": "x", "policy": "reboot"}),
        ("api,read,write", "/system/scheduler/add", {"name": "x", "policy": "policy"}),
    ],
)
def test_a_command_takes_its_policies(box: Box, policies: str, sentence: str, fields: dict[str, str]) -> None:
    assert box.trap(sentence, Session("bob", frozenset(policies.split(","))), **fields) == DENIED


def test_a_script_is_given_no_more_than_its_author_has(box: Box) -> None:
    author = Session("bob", frozenset({"read", "write"}))

    box.do("/system/script/add", author, name="ours", source=":put 1")

    assert box.row("/system/script")["policy"] == "read,write"
    assert box.row("/system/script")["owner"] == "bob"


def test_the_last_who_could_make_users_stays(box: Box) -> None:
    box.do("/user/add", name="alice", group="full", password="x")
    box.do("/user/remove", _id="hotspot")
    box.do("/user/set", _id="admin", disabled="yes")

    assert box.trap("/user/remove", _id="alice") == "failure: can not remove last user with full permissions"
    assert box.trap("/user/group/remove", _id="full").startswith("failure: can not remove builtin")


def test_one_changes_ones_own_password(box: Box) -> None:
    new = {"new_password": "b", "confirm_new_password": "b"}
    assert box.trap("/password", old_password="wrong", **new) == "failure: wrong old password"
    assert box.trap("/password", old_password="admin-password", new_password="b").startswith("failure: new passwords")

    box.do("/password", old_password="admin-password", **new)

    assert box.router.log_in("admin", "b").user == "admin"


def test_somebody_can_be_thrown_out(box: Box) -> None:
    out: list[Session] = []
    box.router.on_throw_out(out.append)
    session = box.router.log_in("admin", "admin-password")

    box.do("/user/active/remove", numbers=f"*{session.number:X}")

    assert out == [session]
    assert box.trap("/user/active/remove", numbers="*FFFFF") == "no such item"


def test_address_lists_let_in_whom_they_name() -> None:
    assert is_allowed("", "1.2.3.4")
    assert is_allowed("10.0.0.0/8,192.168.1.1/32", "192.168.1.1")
    assert not is_allowed("10.0.0.0/8", "192.168.1.1")
