"""The language itself: values, operators, functions, control, scopes, bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotspot.simulator.routeros.script import functions, scopes, values
from hotspot.simulator.routeros.script.values import Array, Value
from tests.simulator.routeros.scripting import Scripted


@pytest.fixture(scope="module")
def box() -> Scripted:
    return Scripted()


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("(1 + 2 * 3)", "7"),
        ("(10 - 4 - 3)", "3"),
        ("((1 + 2) * 3)", "9"),
        ("(-7 / 2)", "-3"),
        ("(-7 % 2)", "-1"),
        ("(7 / 2)", "3"),
        ("(~0)", "-1"),
        ("(0x10 | 1)", "17"),
        ("(6 & 3 ^ 1)", "3"),
        ("(1 << 4 >> 2)", "4"),
        ("(9223372036854775807 + 1)", "-9223372036854775808"),
        ('("a" . 1 + 2 . "b")', "a3b"),
        ('("a" . "b" = "ab")', "true"),
        ("(1 < 2 and 2 <= 2 && 3 > 2 and 3 >= 3)", "true"),
        ("(1 != 1 or false || true)", "true"),
        ("(not true)", "false"),
        ("(!false)", "true"),
        ("(5m < 1h)", "true"),
        ("(00:05:00 < 1d02:00:00)", "true"),
        ("(10.0.0.9 < 10.0.0.10)", "true"),
        ('("b" > "a")', "true"),
        ("(10.1.2.3 in 10.0.0.0/8)", "true"),
        ("(10.1.2.3 in 192.168.0.0/16)", "false"),
        ("(x in 10.0.0.0/8)", "false"),
        ('("hotspot:api" ~ "^hotspot:")', "true"),
        ('(true = "true")', "false"),
        ('({"true"}->0 = true)', "false"),
        ("({1} = 1)", "false"),
        ("(yes = true)", "true"),
        ("{1;2;a=3}", "1;2;a=3"),
        ("({1;2},3,{4})", "1;2;3;4"),
        ('({a={b=5}}->"a"->"b")', "5"),
        ('[:typeof ({a=1}->"b")]', "nothing"),
        ('[:typeof ("text"->"b")]', "nothing"),
        ("(*1A)", "*1A"),
        ('"a$(1 + 1)b$[:len abc]c"', "a2b3c"),
        ('"\\C3" . "\\A9"', None),
        ('("\\C3" . "\\A9")', "é"),
    ],
)
def test_expressions_have_the_values_of_the_router(box: Scripted, expression: str, printed: str | None) -> None:
    if printed is None:
        assert box.fails(f":put {expression}") == "expected end of command (line 1 column 12)"
    else:
        assert box.says(expression) == printed


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ('[:len "é€"]', "5"),
        ("[:len {1;2}]", "2"),
        ("[:len $missing]", "0"),
        ("[:pick abcdef 1 3]", "bc"),
        ("[:pick abcdef 2]", "c"),
        ("[:pick {a;b;c} 1]", "b"),
        ("[:pick {a;b;c} 0 2]", "a;b"),
        ("[:find abcabc c]", "2"),
        ("[:find abcabc c 2]", "5"),
        ("[:typeof [:find abc z]]", "nil"),
        ("[:find {a;b;c} b]", "1"),
        ("[:typeof 5]", "num"),
        ("[:typeof yes]", "bool"),
        ('[:typeof "5"]', "str"),
        ("[:typeof *A]", "id"),
        ("[:typeof {}]", "array"),
        ("[:typeof [:parse x]]", "code"),
        ("[:typeof $missing]", "nothing"),
        ('([:tonum "0x1F"] + [:tonum "3"])', "34"),
        ("[:typeof [:tonum abc]]", "nothing"),
        ('([:tobool "no"] or [:tobool 1])', "true"),
        ("[:typeof [:tobool {}]]", "nothing"),
        ("([:tostr 5] . [:tostr true])", "5true"),
        ('[:toarray "a,2,c"]', "a;2;c"),
        ("[:len [:toarray {7}]]", "1"),
        ('[:len [:toarray ""]]', "0"),
        ('[:serialize to=json value={a=1;"b c"={true;"x"};c=$missing}]', '{"a":1,"b c":[true,"x"],"c":null}'),
        ('[:serialize to=json value=[:parse ":put 1"]]', '":put 1"'),
        ('([:deserialize from=json value="{\\"a\\":[1,2.5,null,true]}"]->"a")', "1;2.5;;true"),
        ('[:deserialize from=json "12345678901234567890123"]', "12345678901234567890123"),
    ],
)
def test_functions_reckon_as_the_router_does(box: Scripted, expression: str, printed: str) -> None:
    assert box.says(expression) == printed


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        (":put (1 / 0)", "division by zero"),
        (':put ("a" + 1)', "cannot apply + to str and num"),
        (':put (-"a")', "cannot apply - to str"),
        (':put ("a" ~ "(")', "invalid regular expression"),
        (':put ("a" ~ "' + "a" * 300 + '")', "pattern too long"),
        (":if (5 = 5 . x) do={}; :if abc do={}", "conditional not boolean"),
        (":len", "missing value(s) of argument(s) value"),
        (":pick abc", "missing value(s) of argument(s) begin"),
        (":pick abc x", "input does not match any value of begin"),
        (":find abc", "missing value(s) of argument(s) key"),
        (":serialize to=xml value=1", "input does not match any value of to"),
        (":serialize to=json", "missing value(s) of argument(s) value"),
        (':deserialize from=json value="{"', "failure: json parsing error"),
        (":for i from=x to=2 do={}", "invalid value for argument from"),
        (":for i to=2 do={}", "missing value(s) of argument(s) from"),
        (":foreach i do={}", "missing value(s) of argument(s) in"),
        (":put", "missing value(s) of argument(s) message"),
        (":set unknown 1", "syntax error (line 1 column 2)"),
        (":local x; :set (1 + 1) 2", "syntax error (line 1 column 12)"),
        (":do 5", "syntax error (line 1 column 2)"),
        (":local [:len x] 1", "syntax error (line 1 column 2)"),
        (':error "so sad"', "so sad"),
    ],
)
def test_a_statement_that_fails_says_why(box: Scripted, source: str, refused: str) -> None:
    assert box.fails(source) == refused


def test_conditions_and_loops(box: Scripted) -> None:
    printed = box.run(
        """
        :if (1 = 1) do={ :put then } else={ :put never }
        if (1 = 2) do={ :put never } else={ :put else }
        :if (1 = 2) do={ :put never }
        :foreach k,v in={a=1;b=2} do={ :put "$k:$v" }
        :foreach one in=single do={ :put $one }
        :foreach one in=$missing do={ :put never }
        :for i from=1 to=5 step=2 do={ :put $i }
        :for i from=2 to=1 do={ :put $i }
        :local n 0
        :while ($n < 2) do={ :set n ($n + 1); :put "while $n" }
        :do { :set n ($n + 1) } while=($n < 5)
        :put $n
        :delay 2s
        """
    )

    assert printed.split("\n") == [
        *("then", "else", "a:1", "b:2", "single", "1", "3", "5", "2", "1", "while 1", "while 2", "5", ""),
    ]


def test_the_right_side_of_and_and_or_is_only_asked_when_it_matters(box: Scripted) -> None:
    assert box.says("(false and (1 / 0 = 1))") == "false"
    assert box.says("(true || (1 / 0 = 1))") == "true"


def test_variables_live_in_their_block_and_globals_in_the_router() -> None:
    box = Scripted()

    printed = box.run(
        ':local x 1; { :local x 2; :set x 3; :put $x }; :put $x; { :set x 4 }; :put "$x"; :global g 5; :local empty; :put $empty'
    )

    assert printed == "3\n1\n4\n\n"
    assert box.run(":put $g; :global g; :put $g; :set g 6; :local g 7; :put $g") == "\n5\n7\n"
    assert box.run(":global g; :put $g") == "6\n"


def test_elements_of_arrays_are_set_without_changing_copies(box: Scripted) -> None:
    printed = box.run(
        ':local a {1;2}; :local b $a; :set ($a->0) 9; :set ($a->"k"->"deep") x; :put $a; :put $b; :local t text; :set ($t->"k") 1; :put $t'
    )

    assert printed == "9;2;k=deep=x\n1;2\nk=1\n"


def test_functions_take_arguments_and_return_values() -> None:
    box = Scripted()

    printed = box.run(
        """
        :local outer 1
        :global add do={ :if ($1 = 0) do={ :return "zero" }; :return ($1 + $by . $outer) }
        :put [$add 1 by=5]
        :put [$add 0]
        :local printing [:parse ":put hello; :put \\$1"]
        $printing world
        [:parse ":put again"]
        :put [$outer]
        :put [:put inside]
        :return 5
        :put never
        """
    )

    assert printed == "6\nzero\nhello\nworld\nagain\n1\ninside\n\n"


def test_on_error_goes_on_after_a_failure(box: Scripted) -> None:
    assert box.run(':do { :error "x"; :put never } on-error={ :put caught }; :put after') == "caught\nafter\n"
    assert box.fails(":do { :error kept }") == "kept"


def test_onerror_says_what_the_failure_was(box: Scripted) -> None:
    assert box.run(':onerror e in={ :put begun; :error "x"; :put never } do={ :put "caught $e" }; :put after') == (
        "begun\ncaught x\nafter\n"
    )
    assert box.run(":onerror e in={ :put well } do={ :put never }") == "well\n"


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        (":while (true) do={}", "script runs too long"),
        (":for i from=1 to=99999999999 do={}", "script runs too long"),
        (":do {:while (true) do={}} on-error={}", "script runs too long"),
        (":global f do={ :global f; [$f] }; :onerror e in={ [$f] } do={}", "script nested too deeply"),
        (":global f do={ :global f; [$f] }; [$f]", "script nested too deeply"),
        (':local x "0123456789abcdef"; :while (true) do={ :set x ($x . $x) }', "string too long"),
        (":local x {1;2}; :while (true) do={ :set x ($x,$x) }", "array too big"),
        (
            ':local x "0123456789abcdef"; :for i from=1 to=12 do={:set x ($x . $x)}; :while (true) do={ :put $x }',
            "script prints too much",
        ),
        (":local x {1;2}; :while (true) do={ :set x {$x;$x} }", "array too big"),
        (':local f do={ :put "' + "a" * 99_999 + '" }; :put [:len {$f;$f;$f}]', "array too big"),
        (":local x 1; :for i from=1 to=40 do={ :set x {$x} }; :put [:serialize to=json value=$x]", "array too big"),
        (':local x "' + "[" * 40 + "]" * 40 + '"; :put [:deserialize from=json value=$x]', "array too big"),
        (":put " + "(" * 31 + "1" + ")" * 31, None),
        (":put (0" + "+1" * 20_000 + ")", None),
    ],
)
def test_every_run_is_bounded(source: str, refused: str | None) -> None:
    box = Scripted()

    if refused is None:
        assert box.run(source)
    else:
        assert box.fails(source) == refused
    assert box.says("still") == "still"


@pytest.mark.parametrize(
    ("prepared", "repeated", "most"),
    [
        (":local x {1}; :for i from=1 to=13 do={ :set x ($x,$x) }", ":set ($x->0) 2", 60),
        (":local x {1}; :for i from=1 to=13 do={ :set x ($x,$x) }", ":local y [:serialize to=json value=$x]", 60),
        (":local x abcdefgh; :for i from=1 to=12 do={ :set x ($x . $x) }", ":local y [:len $x]", 20),
        (":local x abcdefgh; :for i from=1 to=12 do={ :set x ($x . $x) }", ':local y ("" . $x . "")', 8),
        (":local x a; :for i from=1 to=10 do={ :set x ($x . $x) }", ':local y ($x ~ "(a?)*b")', 6),
        ("", "/ip pool add name=$i ranges=10.0.0.1", 200),
        (":local x ab; :for i from=1 to=12 do={ :set x ($x . $x) }", ":local y [:parse $x]", 20),
        (
            ':local x ab; :for i from=1 to=12 do={ :set x ($x . $x) }; :set x (":#" . $x)',
            ":do { :execute $x } on-error={}",
            20,
        ),
    ],
)
def test_what_takes_much_work_can_be_done_less_often(
    prepared: str, repeated: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Scripted()
    monkeypatch.setattr(scopes, "MOST_STEPS", 2000)

    refused = box.fails(f":global n; {prepared}; :for i from=1 to=99999 do={{ :set n $i; {repeated} }}")

    assert refused == "script runs too long"
    assert 0 < int(box.run(":global n; :put $n")) <= most


def test_the_deepest_script_that_is_allowed_fits_the_stack(box: Scripted) -> None:
    deep = "".join(":if (true) do={" for _ in range(28))
    nested = f":global f do={{ :global f; {deep}[$f]{'}' * 28} }}; [$f]"

    assert box.fails(nested) == "script nested too deeply"
    assert box.fails(':global p ":global p; [[:parse \\$p]]"; [[:parse $p]]') == "script nested too deeply"


plain: st.SearchStrategy[Value] = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4).map(values.listed)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, min_size=1, max_size=4).map(Array)
    ),
    max_leaves=8,
)


@given(plain)
def test_json_is_read_back(value: Value) -> None:
    assert functions.deserialize(functions.serialize(value)) == value


@given(st.text())
def test_a_row_s_value_prints_as_it_was(text: str) -> None:
    assert values.to_text(values.read(text)) == text
