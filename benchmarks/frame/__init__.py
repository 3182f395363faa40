"""What every workload needs: a server, programs to measure, figures, and ways to show them."""
