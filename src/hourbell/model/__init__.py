"""What Hourbell talks about: pure values and rules, no I/O and no asyncio."""
