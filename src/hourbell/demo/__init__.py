"""The demo: an application under several processes, and a witness beside it that counts what really happened."""
