"""The database stops at once and starts again while reports flow: every session comes out exact."""

import random
import threading
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from benchmarks.campaign import Verdict
from benchmarks.campaign_chaos import WHAT_IS_STORED, Row, compare
from benchmarks.radius_city import add_reporters
from benchmarks.radius_sessions import Reporting, Session, Totals, sessions
from hotspot.db import open_database
from hotspot.radius.server import RadiusServer
from hotspot.settings import load

SESSIONS, INTERIMS = 120, 6
STOP_AFTER = 40  # sessions that are done


def test_a_restart_of_the_database_while_reports_flow_changes_no_total(data_dir: Path) -> None:
    settings = load(data_dir=data_dir)
    verdict, told = Verdict(""), dict[str, Totals]()
    with closing(open_database(settings)) as database:
        routers = add_reporters(database, settings)
        back = threading.Thread(target=lambda: open_database(settings, migrate=False).close())

        def done(session: Session) -> None:
            told[session.acct_session_id] = session.totals
            if len(told) == STOP_AFTER:
                assert database._embedded is not None
                database._embedded._stop()
                back.start()  # while the reports that are on their way, and what follows, find nobody

        server = RadiusServer(database, settings.keys)
        server.start()
        try:
            with closing(Reporting(routers, server.acct_address, window=32)) as reporting:
                planned = sessions(routers, SESSIONS, INTERIMS, random.Random(1971), now=int(time.time()))
                reporting.run(planned, done)
        finally:
            server.stop()
        back.join()

        with database.reading() as db:
            rows = db.execute(text(WHAT_IS_STORED), {"before": 0}).all()
        compare(told, {row[0]: [Row(Totals(*row[1:6]), row[6])] for row in rows}, verdict)

    assert (len(rows), verdict.passed, verdict.failed) == (SESSIONS, SESSIONS, 0)
