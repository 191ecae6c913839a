"""The actions of `jobc runs`, one module each: `configure(parser)` and `run(args, history, context) -> exit code`."""
