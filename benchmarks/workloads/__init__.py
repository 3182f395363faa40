"""The workloads. Each has `report()`, the empty report with its figures and goals, and `measure(run)`."""
