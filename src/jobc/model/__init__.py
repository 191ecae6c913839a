"""The Python API: pydantic models of everything that a jobs file says, which execute as the file would."""
