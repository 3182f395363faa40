"""Due schedules that differ in nothing but their ids and arguments, so that what is the same is read once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hourbell.model.stored_json import mapping_from
from hourbell.store.scripts.rows import due_from

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from hourbell.model.due import DueSchedule, Rules
    from hourbell.store.scripts.script import Row


@dataclass(frozen=True, slots=True)
class Alike:
    """Schedules with the same task, rules, cursor and last skip. ``first`` is one of them; ``args`` are the arguments
    of each as JSON, in the order of ``ids``. ``is_declared``: False where no live node seems to declare them."""

    first: DueSchedule
    ids: Sequence[str]
    args: Sequence[str]
    is_declared: bool = True

    @classmethod
    def from_row(cls, row: Row, rules: Rules, is_declared: bool) -> Alike:
        """One row of `firing.lock`."""
        ids, args = _list(row["ids"]), _list(row["args"])
        return cls(due_from(row, ids[0], args[0], rules), ids, args, is_declared)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, places: slice) -> Alike:
        ids, args = self.ids[places], self.args[places]
        return Alike(self._member(ids[0], args[0]), ids, args)

    def each(self) -> Iterator[Alike]:
        """One by one."""
        if len(self.ids) == 1:
            yield self
            return
        for schedule_id, args in zip(self.ids, self.args, strict=True):
            yield Alike(self._member(schedule_id, args), (schedule_id,), (args,))

    def without(self, ids: Container[str]) -> tuple[Alike | None, list[Alike]]:
        """Those that are not among these, and each of the others by itself."""
        others = [one for one in self.each() if one.first.id in ids]
        kept = [(name, args) for name, args in zip(self.ids, self.args, strict=True) if name not in ids]
        if not kept:
            return None, others
        names, texts = zip(*kept, strict=True)
        return Alike(self._member(names[0], texts[0]), names, texts), others

    def _member(self, schedule_id: str, args: str) -> DueSchedule:
        if schedule_id == self.first.id:
            return self.first
        return replace(self.first, id=schedule_id, args=mapping_from(args))


def _list(value: Sequence[str] | str) -> Sequence[str]:
    """A list of texts, which SQLite answers as JSON."""
    if isinstance(value, str):
        value = [str(one) for one in json.loads(value)]
    return value
