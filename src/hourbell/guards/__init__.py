"""What keeps work from being done twice: effects that commit with their run."""
