"""The conformance suite: what every store must do, as tests. Whoever writes a store runs it over theirs.

Needs pytest and pytest-asyncio. Give the fixtures ``store`` and ``neighbour``, and derive the parts you want, usually
all of them::

    import pytest_asyncio
    from hourbell.testing.conformance import StoreConformance

    @pytest_asyncio.fixture
    async def store(clock):  # a ManualClock, by which the store must judge
        store = MyStore(clock)
        await store.open()
        await store.migrate()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def neighbour(store): ...  # as another node would open it, on the same truth; at least a twin

    class TestMyStore(StoreConformance):
        pass

The store is fresh for each test. Nothing in the suite measures time; it judges order and count.
"""

import pytest

# Before the parts are imported, so that a failing assertion shows its values.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{part}"
        for part in (
            "auditing",
            "backfilling",
            "bench",
            "calendars",
            "cancelling",
            "catching_up",
            "claiming",
            "declaring",
            "ending",
            "firing",
            "guards",
            "histories",
            "holding",
            "jittering",
            "leasing",
            "limiting",
            "listening",
            "listing",
            "logs",
            "looking",
            "making_way",
            "missing",
            "naming",
            "opening",
            "overlapping",
            "pausing",
            "pruning",
            "racing",
            "requesting",
            "rescuing",
            "runs",
            "schedules",
            "settling",
            "skipping",
            "surveying",
            "suspects",
            "taking",
            "waiting",
        )
    )
)

from .auditing import AuditConformance
from .backfilling import BackfillingConformance
from .bench import Bench
from .calendars import CalendarsConformance
from .cancelling import CancellingConformance
from .catching_up import CatchingUpConformance
from .claiming import ClaimingConformance
from .declaring import DeclaringConformance
from .ending import EndingConformance
from .firing import FiringConformance
from .guards import GuardsConformance
from .histories import HistoriesConformance, History, Step
from .holding import HoldingConformance
from .jittering import JitterConformance
from .leasing import LeasingConformance
from .limiting import LimitingConformance
from .listening import ListeningConformance
from .listing import ListingConformance
from .logs import LoggingConformance, ProgressConformance
from .looking import LookingConformance
from .making_way import MakingWayConformance
from .missing import MissingConformance
from .naming import NamingConformance
from .opening import OpeningConformance
from .overlapping import OverlapConformance
from .pausing import PausingConformance
from .pruning import PruningConformance
from .racing import RacingConformance
from .requesting import RequestingConformance
from .rescuing import RescuingConformance
from .runs import RunsConformance
from .schedules import AddingConformance, EditingConformance, RemovingConformance
from .settling import SettlingConformance
from .skipping import SkippingConformance
from .suite import Conformance
from .surveying import SurveyingConformance
from .suspects import SuspectsConformance
from .taking import TakingConformance
from .versions import VersionsConformance
from .waiting import WaitingConformance


class StoreConformance(
    OpeningConformance,
    AddingConformance,
    EditingConformance,
    RemovingConformance,
    PausingConformance,
    ListingConformance,
    DeclaringConformance,
    VersionsConformance,
    FiringConformance,
    TakingConformance,
    SkippingConformance,
    SurveyingConformance,
    CalendarsConformance,
    CatchingUpConformance,
    BackfillingConformance,
    RequestingConformance,
    OverlapConformance,
    MakingWayConformance,
    JitterConformance,
    ClaimingConformance,
    NamingConformance,
    SuspectsConformance,
    MissingConformance,
    HoldingConformance,
    LimitingConformance,
    SettlingConformance,
    CancellingConformance,
    LeasingConformance,
    RescuingConformance,
    EndingConformance,
    RunsConformance,
    PruningConformance,
    ProgressConformance,
    LoggingConformance,
    AuditConformance,
    GuardsConformance,
    LookingConformance,
    WaitingConformance,
    ListeningConformance,
    RacingConformance,
    HistoriesConformance,
):
    """The whole suite in one class."""


__all__ = [
    "AddingConformance",
    "AuditConformance",
    "BackfillingConformance",
    "Bench",
    "CalendarsConformance",
    "CancellingConformance",
    "CatchingUpConformance",
    "ClaimingConformance",
    "Conformance",
    "DeclaringConformance",
    "EditingConformance",
    "EndingConformance",
    "FiringConformance",
    "GuardsConformance",
    "HistoriesConformance",
    "History",
    "HoldingConformance",
    "JitterConformance",
    "LeasingConformance",
    "LimitingConformance",
    "ListeningConformance",
    "ListingConformance",
    "LoggingConformance",
    "LookingConformance",
    "MakingWayConformance",
    "MissingConformance",
    "NamingConformance",
    "OpeningConformance",
    "OverlapConformance",
    "PausingConformance",
    "ProgressConformance",
    "PruningConformance",
    "RacingConformance",
    "RemovingConformance",
    "RequestingConformance",
    "RescuingConformance",
    "RunsConformance",
    "SettlingConformance",
    "SkippingConformance",
    "Step",
    "StoreConformance",
    "SurveyingConformance",
    "SuspectsConformance",
    "TakingConformance",
    "VersionsConformance",
    "WaitingConformance",
]
