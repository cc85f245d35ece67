"""One live router whose log-in page is given certificates, at times of the controller's clock."""

from dataclasses import dataclass
from datetime import datetime

from benchmarks.live_router import Live
from hotspot.routers import login_pages
from hotspot.routers.certificates import read_chain
from hotspot.routers.models import LoginCertificate
from hotspot.routers.subjects import Means
from hotspot.sites.service import get_site
from hotspot.sites.settings import give
from tests.routers.public_ca import PublicCa

HOST = "login.wifi.example.org"


@dataclass
class City:
    """One live router, and the clock of the controller."""

    means: Means
    live: Live
    ca: PublicCa
    now: datetime

    def certify(self, name: str = "wifi-kota", *hosts: str, days: int = 90) -> LoginCertificate:
        with self.means.database.writing() as db:
            chain = read_chain(*self.ca.files(*(hosts or (HOST,)), days=days), now=self.now)
            return login_pages.add(db, name, chain, keys=self.means.settings.keys, now=self.now)

    def give(self, **settings: str) -> None:
        with self.means.database.writing() as db:
            for key, value in settings.items():
                give(db, get_site(db, "alun-alun"), key, value)

    def certificates(self) -> set[str]:
        rows = self.live.rows("/certificate")
        return {row["name"] for row in rows if row["name"].startswith("hotspot-login-")}

    def profile(self) -> dict[str, str]:
        (row,) = [row for row in self.live.rows("/ip/hotspot/profile") if row["name"] == "hotspot-guests"]
        return row

    def files(self) -> list[str]:
        return [row["name"] for row in self.live.rows("/file") if row["name"].endswith(".pem")]
