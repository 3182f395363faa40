"""What tests of an application that uses Hourbell need; imported by name, one module for one thing."""
