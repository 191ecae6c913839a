"""The actions of `jobc runner`."""
