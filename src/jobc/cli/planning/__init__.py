"""What would run: the plan of a workflow, its bounds in time, and how two versions differ in what they do."""
