"""Published data sets of real people, read from the folders in which their owners hand them out."""
