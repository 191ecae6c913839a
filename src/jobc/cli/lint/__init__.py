"""What `jobc lint` is made of: results that are kept, files that are checked, fixes that are written."""
