"""FreeRADIUS 3 with rlm_sql on the same PostgreSQL: what a user would run instead, tuned as its documentation advises.

Debian's own schema, queries, policies and modules are read where the packages put them (`freeradius`, `freeradius-postgresql`). Two
sites: `lean` does SQL and PAP and nothing else, `stock` is Debian's default site with SQL enabled, but for EAP and TLS. Both
get one thread for each connection of the pool, a large receive buffer and Message-Authenticator in replies to log-ins.
"""

import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.contenders import THEIRS, Contender, end, free_port
from benchmarks.radius_packets import Guest, Reporter, strangers

STOCK: Final = Path("/etc/freeradius/3.0")
QUERIES: Final = STOCK / "mods-config/sql/main/postgresql"
BINARY: Final = "freeradius"
NAME: Final = "freeradius"  # of its database
STARTS_WITHIN: Final = 20.0

RADIUSD: Final = """
prefix = /usr
libdir = /usr/lib/freeradius
confdir = {stock}
modconfdir = {stock}/mods-config
radacctdir = {folder}/radacct
logdir = {folder}
raddbdir = {folder}
run_dir = {folder}
db_dir = {folder}
pidfile = {folder}/radiusd.pid
max_requests = 131072
cleanup_delay = 5
log {{
    destination = files
    file = {folder}/radius.log
    auth = no
}}
security {{
    max_attributes = 200
    reject_delay = 1
    status_server = yes
}}
proxy_requests = no
thread pool {{
    start_servers = {connections}
    max_servers = {connections}
    min_spare_servers = {connections}
    max_spare_servers = {connections}
    max_requests_per_server = 0
    max_queue_size = 65536
    auto_limit_acct = no
}}
{clients}
modules {{
{modules}
    sql {{
        dialect = "postgresql"
        driver = "rlm_sql_postgresql"
        radius_db = "{conninfo}"
        acct_table1 = "radacct"
        acct_table2 = "radacct"
        postauth_table = "radpostauth"
        authcheck_table = "radcheck"
        groupcheck_table = "radgroupcheck"
        authreply_table = "radreply"
        groupreply_table = "radgroupreply"
        usergroup_table = "radusergroup"
        client_table = "nas"
        group_attribute = "SQL-Group"
        read_groups = {groups}
        read_profiles = {groups}
        pool {{
            start = {connections}
            min = {connections}
            max = {connections}
            spare = 0
            uses = 0
            retry_delay = 1
            lifetime = 0
            idle_timeout = 0
        }}
        $INCLUDE {queries}
    }}
}}
instantiate {{
    expr
}}
policy {{
    $INCLUDE {stock}/policy.d/accounting
    $INCLUDE {stock}/policy.d/filter
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {auth_port}
        recv_buff = 8388608
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {acct_port}
        recv_buff = 8388608
    }}
{site}
}}
"""

LEAN: Final = """
    authorize {
        sql
        pap
    }
    authenticate {
        Auth-Type PAP {
            pap
        }
    }
    preacct {
        acct_unique
    }
    accounting {
        sql
    }
    post-auth {
        update reply {
            &Message-Authenticator := 0x00
        }
        sql
        Post-Auth-Type REJECT {
            update reply {
                &Message-Authenticator := 0x00
            }
            sql
        }
    }
"""

DEBIAN: Final = """
    authorize {
        filter_username
        preprocess
        chap
        mschap
        digest
        suffix
        files
        sql
        expiration
        logintime
        pap
    }
    authenticate {
        Auth-Type PAP {
            pap
        }
        Auth-Type CHAP {
            chap
        }
        Auth-Type MS-CHAP {
            mschap
        }
        mschap
        digest
    }
    preacct {
        preprocess
        acct_unique
        suffix
        files
    }
    accounting {
        detail
        unix
        sql
        exec
        attr_filter.accounting_response
    }
    post-auth {
        update {
            &reply: += &session-state:
        }
        update reply {
            &Message-Authenticator := 0x00
        }
        sql
        exec
        Post-Auth-Type REJECT {
            update reply {
                &Message-Authenticator := 0x00
            }
            sql
            attr_filter.access_reject
        }
    }
"""


class Site(NamedTuple):
    """What a request passes through: the server's sections, the package's modules they use, whether SQL looks for groups."""

    sections: str
    modules: tuple[str, ...]
    groups: str


SITES: Final = {
    "lean": Site(LEAN, ("expr", "pap"), "no"),
    "stock": Site(
        DEBIAN,
        (
            "always", "attr_filter", "chap", "detail", "digest", "exec", "expiration", "expr", "files", "logintime", "mschap",
            "pap", "preprocess", "realm", "unix",
        ),
        "yes",
    ),
}  # fmt: skip

CLIENT: Final = """
client {name} {{
    ipaddr = {address}
    secret = {secret}
}}
"""


def why_absent() -> str | None:
    """Say what is missing for running FreeRADIUS here; None when nothing is."""
    if shutil.which(BINARY) is None:
        return "there is no freeradius on this machine (Debian: apt-get install freeradius freeradius-postgresql)"
    try:
        (QUERIES / "schema.sql").read_bytes()
    except OSError as error:
        return f"FreeRADIUS' PostgreSQL files can't be read ({error}); install freeradius-postgresql, run as root"
    return None


def make_database(dsn: str) -> str:
    """Create FreeRADIUS' database, with its stock schema, on the server of `dsn`; give its address."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {NAME}")
    own = make_conninfo(dsn, dbname=NAME)
    with psycopg.connect(own) as connection:
        connection.execute((QUERIES / "schema.sql").read_bytes())
    return own


def stored(dsn: str) -> tuple[int, int]:
    """How many sessions and how many log-ins it has stored on the server of `dsn`."""
    with psycopg.connect(make_conninfo(dsn, dbname=NAME)) as connection:
        row = connection.execute("SELECT (SELECT count(*) FROM radacct), (SELECT count(*) FROM radpostauth)").fetchone()
    assert row is not None
    return row[0], row[1]


@contextmanager
def freeradius(
    folder: Path, dsn: str, reporters: Sequence[Reporter], *, site: Site, connections: int
) -> Iterator[Contender]:
    """Run it between entering and leaving the block, with a pool of so many connections."""
    folder.mkdir(mode=0o700)
    ports = free_port(), free_port()
    (folder / "radiusd.conf").write_text(_configuration(folder, dsn, reporters, site, connections, ports))
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [BINARY, "-f", "-d", str(folder), "-n", "radiusd"], stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_ready(process, folder)
        yield Contender(
            product=THEIRS,
            name=f"{THEIRS} ({connections})",
            auth=("127.0.0.1", ports[0]),
            acct=("127.0.0.1", ports[1]),
            process=psutil.Process(process.pid),
            issue_credentials=lambda count: _add_passwords(dsn, count),
        )
    finally:
        end(process)


def _configuration(
    folder: Path, dsn: str, reporters: Sequence[Reporter], site: Site, connections: int, ports: tuple[int, int]
) -> str:
    clients = [
        CLIENT.format(name=reporter.name, address=reporter.address, secret=reporter.secret.decode())
        for reporter in reporters
    ]
    # The address as libpq's keywords, which rlm_sql_postgresql hands on as they are.
    conninfo = " ".join(f"{name}={value}" for name, value in conninfo_to_dict(dsn).items() if value)
    return RADIUSD.format(
        folder=folder,
        connections=connections,
        clients="".join(clients),
        conninfo=conninfo,
        queries=QUERIES / "queries.conf",
        stock=STOCK,
        modules="".join(f"    $INCLUDE {STOCK}/mods-available/{module}\n" for module in site.modules),
        groups=site.groups,
        site=site.sections,
        auth_port=ports[0],
        acct_port=ports[1],
    )


def _add_passwords(dsn: str, count: int) -> Sequence[Guest]:
    """Let so many new guests log in."""
    guests = [
        guest._replace(password=secrets.token_hex(8).encode(), class_=b"") for guest in islice(strangers(), count)
    ]
    with psycopg.connect(dsn) as connection:
        with connection.cursor().copy("COPY radcheck (username, attribute, op, value) FROM STDIN") as copy:
            for guest in guests:
                copy.write_row((guest.user_name.decode(), "Cleartext-Password", ":=", guest.password.decode()))
        connection.execute("ANALYZE radcheck")
    return guests


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline, log = time.monotonic() + STARTS_WITHIN, folder / "radius.log"
    while not (log.exists() and "Ready to process requests" in log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            said = [path.read_text(errors="replace") for path in (folder / "output", log) if path.exists()]
            raise RuntimeError("FreeRADIUS does not start:\n" + "\n".join(said)[-4_000:])
        time.sleep(0.05)
