"""The shapes of what the REST API is sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from hourbell.fastapi.parameters import MOST_ITEMS, InstantIn
from hourbell.model.policies import CatchUp, OnLost, Overlap

Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]
Key = Annotated[
    StrictStr | None,
    Field(
        min_length=1, max_length=200, description="asking again with it, after a lost answer for one, changes nothing"
    ),
]
Args = Annotated[
    dict[str, Any],
    Field(max_length=500, description="named arguments, as the schema of the task says", examples=[{"segment": "all"}]),
]
TriggerSpec = Annotated[
    dict[str, Any],
    Field(
        max_length=50,
        description="a rule: its kind and its fields, as /schedules shows them",
        json_schema_extra={"required": ["kind"], "properties": {"kind": {"type": "string"}}},
        examples=[
            {"kind": "cron", "expr": "0 9 * * mon-fri", "timezone": "Europe/Berlin"},
            {"kind": "every", "seconds": 600},
            {"kind": "at", "instant": "2030-01-01T00:00:00Z"},
        ],
    ),
]
Seconds = StrictInt | StrictFloat


class Input(BaseModel):
    """What is sent has the fields that are known, and no others."""

    model_config = ConfigDict(extra="forbid")


class RetryIn(Input):
    """How often and how soon a failed run is tried again. ``attempts`` counts the first one too."""

    attempts: StrictInt = Field(ge=1, le=1_000)
    backoff: Literal["exponential", "linear", "fixed"] = "exponential"
    first: Seconds = Field(default=1, ge=0, description="seconds")
    cap: Seconds = Field(default=3_600, ge=0, description="seconds")
    jitter: StrictBool = True
    on: list[Name] = Field(default_factory=list, max_length=50, description="names of exception types")
    never_on: list[Name] = Field(default_factory=list, max_length=50)


class PoliciesIn(Input):
    """Policies of the schedule itself; what is left out is inherited from its task. Durations are seconds."""

    # Factories, as the document shows no value for them: generated clients would send it, and nothing be inherited.

    catch_up: CatchUp = Field(default_factory=lambda: "latest")
    catch_up_limit: StrictInt = Field(default_factory=lambda: 100, ge=1, le=10_000)
    grace: Seconds | None = Field(default=None, description="null: however late")
    jitter: Seconds | None = None
    blackout: list[Name] | None = Field(default=None, max_length=20, description="names of stored calendars")
    overlap: Overlap = Field(default_factory=lambda: "skip")
    max_running: StrictInt = Field(default_factory=lambda: 1, ge=1, le=1_000_000)
    retry: RetryIn | StrictInt | None = Field(default=None, description="or the number of attempts")
    timeout: Seconds | None = None
    timeout_grace: Seconds = Field(default_factory=lambda: 5)
    on_lost: OnLost = Field(default_factory=lambda: "retry")
    lost_limit: StrictInt = Field(default_factory=lambda: 5, ge=1, le=1_000)
    queue: Name = Field(default_factory=lambda: "default")
    priority: StrictInt = Field(default_factory=lambda: 0, ge=-1_000, le=1_000, description="lower goes first")

    def given(self) -> dict[str, Any]:
        """Those that were sent, and no others."""
        return self.model_dump(exclude_unset=True)


class ScheduleIn(Input):
    """A schedule to make. ``id``  the name of the task unless given."""

    task: Name = Field(examples=["app.tasks:send_digest"])
    trigger: TriggerSpec
    id: Annotated[StrictStr | None, Field(max_length=200, examples=["daily-digest"])] = None
    args: Args = Field(default_factory=dict)
    policies: PoliciesIn = Field(default_factory=PoliciesIn, examples=[{"overlap": "skip", "grace": 600}])
    paused: StrictBool = False
    note: Annotated[StrictStr | None, Field(max_length=1_000)] = None
    on_conflict: Literal["error", "update", "keep"] = Field(
        default="error", description="when the id is taken: 409, change what differs, or leave it as it is"
    )


class SchedulePatch(Input):
    """What is to be changed; what is left out stays. ``args`` are replaced whole, ``policies`` by name.

    ``inherit``  names policies that the schedule shall no longer have for itself.
    """

    trigger: TriggerSpec | None = None
    args: Args | None = None
    policies: PoliciesIn | None = Field(default=None, examples=[{"overlap": "allow"}])
    inherit: list[Name] = Field(default_factory=list, max_length=50)


class PauseIn(Input):
    """Why, and until when: the schedule resumes by itself then."""

    note: Annotated[StrictStr | None, Field(max_length=1_000, examples=["maintenance"])] = None
    until: InstantIn | None = Field(default=None, examples=["2030-01-01T00:00:00Z"])


class TriggerIn(Input):
    """A run now. ``args``  take the place of the schedule's, by name."""

    args: Args | None = None
    key: Key = None


class BackfillIn(Input):
    """Runs for the due times from ``start`` to ``end``, both included. ``dry_run``  tells them and makes nothing."""

    start: InstantIn = Field(examples=["2029-12-01T00:00:00Z"])
    end: InstantIn = Field(examples=["2029-12-31T00:00:00Z"])
    key: Key = None
    dry_run: StrictBool = False


class PreviewIn(Input):
    """A trigger that is not stored, and how many of its fires are wanted."""

    trigger: TriggerSpec
    count: StrictInt = Field(default=5, ge=1, le=MOST_ITEMS)
    after: InstantIn | None = None


class RetryRunIn(Input):
    """``args``  take the place of the run's, all of them."""

    args: Args | None = None


class RetryRunsIn(Input):
    """Which runs are tried again, newest first; each field narrows them as in the list of runs."""

    state: Literal["failed", "cancelled"] = "failed"
    task: Annotated[StrictStr | None, Field(max_length=200)] = None
    schedule_id: Annotated[StrictStr | None, Field(max_length=200)] = None
    tracking_id: Annotated[StrictStr | None, Field(max_length=200)] = None
    reason: Annotated[StrictStr | None, Field(max_length=200)] = None
    error: Annotated[StrictStr | None, Field(max_length=200, description="a text in it")] = None
    since: InstantIn | None = None
    until: InstantIn | None = None
    limit: StrictInt = Field(default=100, ge=1, le=1_000)
