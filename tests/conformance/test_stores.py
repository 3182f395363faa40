"""The public suite over every store of the package, part by part."""

from __future__ import annotations

from hourbell.testing import conformance as suite


class TestOpening(suite.OpeningConformance):
    pass


class TestAdding(suite.AddingConformance):
    pass


class TestEditing(suite.EditingConformance):
    pass


class TestRemoving(suite.RemovingConformance):
    pass


class TestPausing(suite.PausingConformance):
    pass


class TestListing(suite.ListingConformance):
    pass


class TestDeclaring(suite.DeclaringConformance):
    pass


class TestVersions(suite.VersionsConformance):
    pass


class TestFiring(suite.FiringConformance):
    pass


class TestTaking(suite.TakingConformance):
    pass


class TestSkipping(suite.SkippingConformance):
    pass


class TestRequesting(suite.RequestingConformance):
    pass


class TestClaiming(suite.ClaimingConformance):
    pass


class TestNaming(suite.NamingConformance):
    pass


class TestSuspects(suite.SuspectsConformance):
    pass


class TestMissing(suite.MissingConformance):
    pass


class TestHolding(suite.HoldingConformance):
    pass


class TestLimiting(suite.LimitingConformance):
    pass


class TestSettling(suite.SettlingConformance):
    pass


class TestLeasing(suite.LeasingConformance):
    pass


class TestRescuing(suite.RescuingConformance):
    pass


class TestEnding(suite.EndingConformance):
    pass


class TestRuns(suite.RunsConformance):
    pass


class TestPruning(suite.PruningConformance):
    pass


class TestProgress(suite.ProgressConformance):
    pass


class TestLogs(suite.LoggingConformance):
    pass


class TestAudit(suite.AuditConformance):
    pass


class TestGuards(suite.GuardsConformance):
    pass


class TestLooking(suite.LookingConformance):
    pass


class TestWaiting(suite.WaitingConformance):
    pass


class TestSurveying(suite.SurveyingConformance):
    pass


class TestListening(suite.ListeningConformance):
    pass


class TestRacing(suite.RacingConformance):
    pass


class TestHistories(suite.HistoriesConformance):
    pass


class TestOverlap(suite.OverlapConformance):
    pass


class TestMakingWay(suite.MakingWayConformance):
    pass


class TestJitter(suite.JitterConformance):
    pass


class TestBackfilling(suite.BackfillingConformance):
    pass


class TestCatchingUp(suite.CatchingUpConformance):
    pass


class TestCancelling(suite.CancellingConformance):
    pass


class TestCalendars(suite.CalendarsConformance):
    pass


def test_every_part_of_the_suite_is_run_here() -> None:
    run = {base for value in globals().values() if isinstance(value, type) for base in value.__bases__}
    assert set(suite.StoreConformance.__bases__) <= run
