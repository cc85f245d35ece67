"""All tables, gathered: what migrations are compared with."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

import hotspot.areas.models
import hotspot.discovery.models
import hotspot.guests.limits
import hotspot.guests.models
import hotspot.guests.passes
import hotspot.portal.attempts_models
import hotspot.portal.models
import hotspot.routers.backups
import hotspot.routers.captive_api
import hotspot.routers.checks
import hotspot.routers.models
import hotspot.routers.rollouts_models
import hotspot.routers.runs
import hotspot.setup
import hotspot.sites.models
import hotspot.staff.models
import hotspot.staff.tokens
import hotspot.usage.models  # noqa: F401  (importing declares the tables)

metadata: MetaData = SQLModel.metadata
