"""The proof: real processes on a real database, killed and stopped, and a verdict on each promise."""
