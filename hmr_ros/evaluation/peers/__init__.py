"""What people install today, measured beside our models, each in an environment of its own."""
