"""Commands that are known to do nothing but what they say: the shell's own, and tools found everywhere.

None of them writes into files that only an environment variable names, so a script made of them hands on what it
writes itself and nothing else. Programs that run others (`env`, `sudo`, `xargs`, interpreters, `make`) are not among
them.
"""

from __future__ import annotations

_BUILTINS = (
    ": [ alias bg break cd continue declare dirs disown echo exit export false fg getopts hash jobs kill let local logout"
    " mapfile popd printf pushd pwd read readarray readonly return set shift shopt test times trap true type typeset ulimit"
    " umask unalias unset wait exec"
)
_TOOLS = (
    "awk gawk mawk aws az b2sum base32 base64 basename bc bunzip2 bzip2 cat chgrp chmod chown cksum clear cmp column comm cp"
    " csplit curl cut date dc dd df diff dig dirname docker du egrep expand expr fgrep file find fmt fold free gcloud git"
    " grep gsutil gunzip gzip head helm host hostname iconv id install join jq kubectl last less ln ls lsof md5sum mkdir"
    " mkfifo mktemp more mv mysql mysqldump nl nproc nslookup od openssl paste patch pg_dump pgrep ping podman pr ps psql"
    " readlink realpath redis-cli rev rm rmdir rsync scp sed seq sha1sum sha224sum sha256sum sha384sum sha512sum shuf"
    " skopeo sleep sort split sqlite3 ss stat stty sum sync tac tail tar tee touch tput tr truncate tsort tty uname"
    " unexpand uniq unxz unzip uptime users vmstat wc wget which who whoami xxd xz yq zcat zgrep zip zstd"
)
_KNOWN: set[str] = set()


def is_tool(command: str) -> bool:
    """Whether a command (its name as the script has it) is one of these."""
    if not _KNOWN:
        _KNOWN.update(_BUILTINS.split(), _TOOLS.split())
    if command.startswith(("/bin/", "/usr/bin/", "/usr/local/bin/")):
        command = command.rsplit("/", 1)[1]
    return command in _KNOWN
