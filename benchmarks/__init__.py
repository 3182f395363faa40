"""The benchmark suite: what Hourbell takes for its work beside others, in the same run on the same machine."""
