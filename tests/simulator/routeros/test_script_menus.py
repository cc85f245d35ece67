"""Scripts at work on the router's menus, as the console gives its commands."""

import pytest

from hotspot.simulator.routeros.sessions import Session
from tests.simulator.routeros.scripting import Controller, Scripted

READER = Session("reader", frozenset({"read"}))


@pytest.fixture
def box() -> Scripted:
    return Scripted()


def test_rows_are_added_found_changed_and_removed(box: Scripted) -> None:
    printed = box.run(
        """
        /ip pool
        :local id [add name="guests one" ranges=10.0.0.2-10.0.0.9 comment=first]
        add name=other ranges=10.1.0.2-10.1.0.9
        :put [:typeof $id]
        :put [get $id name]
        :put [get [find where comment~"^fir"] ranges]
        :put ([get other]->"ranges")
        set [find name=other or name="guests one"] comment=both
        :put [:len [find comment=both]]
        :put [find where comment=none]
        set [find where comment=none] comment=never
        comment other "two words"
        :put [get [find name=other comment="two words"] comment]
        set other name=third !comment
        :put [:len [find comment]]
        remove [find comment=both]
        """
    )

    assert printed.split("\n") == [
        *("id", "guests one", "10.0.0.2-10.0.0.9", "10.1.0.2-10.1.0.9", "2", "", "two words", "1", ""),
    ]
    assert box.fields("/ip/pool") == [{"name": "third", "ranges": "10.1.0.2-10.1.0.9"}]


def test_what_where_says_is_held_against_what_the_row_prints(box: Scripted) -> None:
    box.run(
        "/ip firewall filter; add chain=input action=drop disabled=yes; add chain=input; add chain=forward comment=5"
    )

    for where, count in {
        "chain=input": 2,
        "chain=input disabled=yes": 1,
        "chain=input && !disabled": 1,
        "(chain=forward or disabled) comment": 1,
        "!(chain=forward) and not disabled": 1,
        "comment=5": 1,
        "comment>4": 1,
        'comment=""': 2,
        "chain!=input": 1,
        ".id=([find]->1)": 1,
        "nonsense": 0,
        "dynamic": 0,
    }.items():
        assert box.says(f"[:len [/ip/firewall/filter/find where {where}]]") == str(count), where
        assert box.says(f"[/ip/firewall/filter/print count-only where {where}]") == str(count), where


def test_rows_keep_their_order_and_are_named_by_their_place(box: Scripted) -> None:
    box.run(
        """
        /ip firewall filter
        add chain=input comment=a
        :local rules [find where chain="input" !dynamic]
        add chain=input comment=b place-before=($rules->0)
        add chain=input comment=c
        move [find comment=c] 0
        set 1 comment=B
        disable 2
        enable 0,1
        """
    )

    assert [(row["comment"], row["disabled"]) for row in box.rows("/ip/firewall/filter")] == [
        ("c", "false"),
        ("B", "false"),
        ("a", "true"),
    ]
    assert box.fails("/ip firewall filter remove 3") == "no such item"


def test_a_name_of_digits_is_a_name_and_not_a_place(box: Scripted) -> None:
    box.run("/ip pool; add name=a ranges=10.0.0.2; add name=0 ranges=10.0.0.3; set 0 comment=mine")

    assert [row.get("comment") for row in box.fields("/ip/pool")] == [None, "mine"]


def test_singletons_are_read_and_set_without_a_number(box: Scripted) -> None:
    assert (
        box.run('/system identity; set name="Alun-Alun 1"; :put [get name]; :put ([get]->"name")')
        == "Alun-Alun 1\n" * 2
    )
    assert box.says("[:typeof [/system/clock/get date]]") == "str"


def test_a_value_is_passed_on_as_it_was_written(box: Scripted) -> None:
    box.run(
        "/ip pool add name=007 ranges=10.0.0.2 comment=yes; :local c true; /ip pool add name=b ranges=10.0.0.3 comment=$c"
    )
    box.run("/system script add name=s source={ :put 1 }; /system scheduler add name=t on-event={ :put 2 }")

    assert [(row["name"], row["comment"]) for row in box.fields("/ip/pool")] == [("007", "yes"), ("b", "true")]
    assert box.fields("/system/script")[0]["source"] == " :put 1 "
    assert box.fields("/system/scheduler")[0]["on-event"] == " :put 2 "


def test_an_array_is_a_list_with_commas(box: Scripted) -> None:
    box.run(':local s {"1.1.1.1";"9.9.9.9"}; /ip dns set servers=$s')

    assert box.row("/ip/dns")["servers"] == "1.1.1.1,9.9.9.9"


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("/ip nonsense add", "bad command name nonsense (line 1 column 5)"),
        (":nonsense", "bad command name nonsense (line 1 column 2)"),
        ("/ip pool\nfly away=1", "bad command name fly (line 2 column 1)"),
        ("/ip pool add nonsense=1 name=x", "expected end of command (line 1 column 14)"),
        ("/ip pool add stray", "expected end of command (line 1 column 14)"),
        ("/ip pool set a b", "expected end of command (line 1 column 16)"),
        ("/ip pool add !comment", "expected end of command (line 1 column 14)"),
        ("/system identity set 0 name=x", "expected end of command (line 1 column 22)"),
        ("/ip pool add name=x", "missing value(s) of argument(s) ranges"),
        ("/ip pool add ranges=nonsense", "invalid value for argument ranges"),
        ("/ip pool get nobody", "no such item"),
        ("/ip pool get nobody ranges", "no such item"),
        ("/ip pool remove nobody", "no such item"),
        ("/system device-mode update hotspot=no", "interrupted"),
    ],
)
def test_what_the_console_refuses_it_refuses_in_its_words(box: Scripted, source: str, refused: str) -> None:
    assert box.fails(source) == refused


def test_a_failing_statement_ends_the_script_and_what_was_done_before_stays(box: Scripted) -> None:
    box.fails("/ip pool; add name=a ranges=10.0.0.2; add name=a ranges=10.0.0.3; add name=c ranges=10.0.0.4")

    assert [row["name"] for row in box.fields("/ip/pool")] == ["a"]


def test_a_script_that_cannot_be_read_does_nothing_at_all(box: Scripted) -> None:
    assert box.fails("/ip pool add name=a ranges=10.0.0.2\n:put (") == "syntax error (line 2 column 7)"
    assert box.fields("/ip/pool") == []


def test_what_a_version_lacks_can_be_tried(box: Scripted) -> None:
    assert box.run(":do { /nonsense set x=1 } on-error={ :put lacks }") == "lacks\n"


def test_a_dry_run_finds_what_running_may_never_meet_and_changes_nothing(box: Scripted) -> None:
    assert box.checks("/ip pool add name=a ranges=10.0.0.2; :if (false) do={ /ip pool add wrong=1 }") == (
        "expected end of command (line 1 column 68)"
    )
    assert box.checks(":put [/ip/nonsense/get x]") == "bad command name nonsense (line 1 column 11)"
    assert box.checks(":put (") == "syntax error (line 1 column 7)"
    assert box.interpreter.run("/ip pool add name=a ranges=10.0.0.2", session=box.session, dry_run=True) == ""
    assert box.fields("/ip/pool") == []


def test_import_runs_a_file_or_checks_it(box: Scripted) -> None:
    box.router.files.write("a.rsc", b"/ip pool add name=a ranges=10.0.0.2\n:put done")
    box.router.files.write("b.rsc", b"/ip pool\nadd name=b wrong=1")

    assert box.fails("/import b.rsc verbose=yes dry-run") == "expected end of command (line 2 column 12)"
    assert box.run("/import file-name=a.rsc verbose=yes dry-run=yes") == ""
    assert box.fields("/ip/pool") == []
    assert box.run('/import "a.rsc"') == "done\n"
    assert box.fields("/ip/pool") == [{"name": "a", "ranges": "10.0.0.2"}]


def test_scripts_run_each_other_but_not_for_ever(box: Scripted) -> None:
    box.run("/system script add name=loop source={/system script run loop}")

    assert box.fails("/system script run loop") == "script nested too deeply"
    assert box.run(':execute script=":put 1" as-string') == "1\n"
    assert box.run(":execute { :log info hello }") == ""
    assert [entry[2:] for entry in box.router.log] == [("script,info", "hello")]


def test_a_reboot_ends_the_script_and_forgets_what_was_global(box: Scripted) -> None:
    box.run("/system script add name=boot source={:put before; /system reboot; :put after}")
    box.run("/system scheduler add name=up start-time=startup on-event={/ip pool add name=up ranges=10.0.0.2}")
    box.run(":global g 1")

    assert box.run(":do { /system script run boot } on-error={ :put failed }; :put after") == ""
    assert box.router.boot == 1
    assert box.run(":global g; :put $g") == "\n"
    assert [row["name"] for row in box.fields("/ip/pool")] == ["up"]


def test_a_script_does_what_its_session_may(box: Scripted) -> None:
    assert box.run(":put [/system identity get name]", READER) == "MikroTik\n"
    assert box.fails("/system identity set name=x", READER) == "not enough permissions (9)"
    assert box.fails("/export", Session("nobody", frozenset())) == "not enough permissions (9)"


def test_rows_are_printed_or_given_as_values(box: Scripted) -> None:
    box.run("/ip pool add name=a ranges=10.0.0.2; /ip pool add name=b ranges=10.0.0.3")

    assert box.run("/ip pool print where name=b").startswith(" 0 name=b ranges=10.0.0.3")
    assert box.run("/ip pool print count-only") == "2\n"
    assert box.says('([/ip pool print as-value]->1->"name")') == "b"
    assert box.says('([/system/identity/print as-value]->"name")') == "MikroTik"
    assert box.run("/ping 10.0.0.1 count=2").count("status=timeout") == 2
    assert box.says("[:len [/ping 10.0.0.1 count=2 as-value]]") == "2"


def test_a_wireguard_interface_makes_its_own_keys(box: Scripted) -> None:
    box.run("/interface wireguard add name=a; /interface wireguard add name=b")

    keys = [box.says(f"[/interface/wireguard/get {name} public-key]") for name in "ab"]
    assert keys[0] != keys[1]
    assert {len(key) for key in keys} == {44}


def test_fetch_gives_what_the_hook_answers() -> None:
    controller = Controller({"say": "hello"})
    box = Scripted(controller)

    said = box.run(
        """
        :local got [/tool/fetch url="http://10.0.0.1/x" http-method=post http-data="a=\\$b" output=user as-value]
        :put ($got->"status")
        :put ([:deserialize from=json value=($got->"data")]->"say")
        /tool/fetch url=http://10.0.0.1/hello.txt dst-path=flash.txt
        :put [/file get flash.txt contents]
        """
    )

    assert said.split("\n")[:2] == ["finished", "hello"]
    assert said.endswith('{"say": "hello"}\n')
    assert controller.asked[0] == {
        "url": "http://10.0.0.1/x",
        "http-method": "post",
        "http-data": "a=$b",
        "output": "user",
    }
