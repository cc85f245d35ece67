"""How rows of two times differ, as lines."""

from hotspot.routers.history import differences


def test_rows_that_came_went_changed_and_moved_are_told_without_secrets() -> None:
    before = {
        "/ip/pool": [
            {".id": "*1", "name": "a", "ranges": "10.0.0.1"},
            {".id": "*2", "name": "b", "ranges": "10.0.0.2"},
        ],
        "/radius": [{".id": "*1", "comment": "hotspot:radius-1", "address": "10.1.1.1", "secret": "first"}],
        "/ip/dns": [{"servers": "9.9.9.9"}],
    }
    after = {
        "/ip/pool": [{".id": "*7", "name": "b", "ranges": "10.0.0.9"}, {".id": "*8", "name": "c", "ranges": ""}],
        "/radius": [{".id": "*3", "comment": "hotspot:radius-1", "address": "10.1.1.1", "secret": "second"}],
        "/ip/dns": [{"servers": "9.9.9.9"}],
    }

    assert list(differences(before, after)) == [
        "- /ip/pool a",
        '-     name: "a"',
        '-     ranges: "10.0.0.1"',
        "~ /ip/pool b",
        '~     ranges: "10.0.0.2" → "10.0.0.9"',
        "+ /ip/pool c",
        '+     name: "c"',
        "~ /radius hotspot:radius-1",
        "~     secret: (changed)",
    ]


def test_another_order_and_rows_that_are_alike_are_told_apart() -> None:
    path = "/ip/firewall/filter"
    one, other = ({".id": "*1", "chain": "input", "comment": f"hotspot:{role}"} for role in ("one", "other"))
    by_hand = {".id": "*2", "chain": "input", "action": "drop"}

    assert list(differences({path: [one, by_hand, by_hand]}, {path: [one, by_hand, by_hand]})) == []
    assert list(differences({path: [one, other]}, {path: [other, one]})) == [f"> {path}: its rows have another order"]
    gone = list(differences({path: [by_hand, by_hand]}, {path: [by_hand]}))
    assert [line for line in gone if not line.startswith("-     ")] == [f"- {path} (2)"]
