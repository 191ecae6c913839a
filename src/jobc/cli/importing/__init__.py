"""Files of other workflow tools, rewritten as jobs files (`jobc import`).

`ddeutil` is the entry for workflow files of the package ddeutil-workflow. A `Draft` holds the original text, the edits
made to it and what the report says about them. The text is edited in place, never printed anew: what needs no change
stays as it was, byte for byte, comments and layout included.

One principle decides every case that cannot be carried over: the imported file never does something else in silence.
Where a value, a condition or a stage has no counterpart, a `raise` stage stands before it, with what is left to do as
its message; a key without counterpart stays in the file as a comment.
"""
