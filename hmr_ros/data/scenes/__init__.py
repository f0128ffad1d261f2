"""What stands where in a rendered picture, and how it is drawn at random."""
