"""Where the truth is: the port (`protocol`) and its three implementations. Import them by module."""
