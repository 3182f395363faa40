"""The façade: one object that holds the tasks, the store and the node, and the verbs of all three."""

from hourbell.scheduler.scheduler import Scheduler

__all__ = ["Scheduler"]
