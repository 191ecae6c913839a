"""What every lowered script begins with: the life of a stage, in POSIX sh with awk, sed and base64 beside it.

    $JOBC_MARK       stands before each event; without it events are lines for people
    $JOBC_TASK_DIR   a folder for the script's files; made where it is not given
    $JOBC_RESULT     where the result goes; nowhere where it is not given
    $JOBC_SECRET_…   the secrets that the job's workflow declares

A stage's body runs in a subshell that `exec`s what the stage is, in a session of its own where there is `setsid`, so that a
signal to that session ends all of it. `jobc_cut` says why the task is ending early: `cancel`, `kill` or `timeout`.
"""

PREAMBLE = r"""
set -u
umask 077
jobc_dir=${JOBC_TASK_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/jobc-XXXXXX")} || exit 2
jobc_mark=${JOBC_MARK:-}
jobc_result=${JOBC_RESULT:-}
unset JOBC_MARK JOBC_TASK_DIR JOBC_RESULT
jobc_failed=0
jobc_cut=
jobc_child=
jobc_watch=
jobc_woken=0
jobc_count=0

jobc_need() { # variable, whether it is set, the secret's name
  [ -z "$2" ] || return 0
  printf 'error: no value for the secret %s\nhelp: set %s\n' "$3" "$1" >&2
  rm -rf "$jobc_dir"
  exit 2
}
jobc_true() { return 0; }
jobc_false() { return 1; }
jobc_always() { return 0; }
jobc_success() { [ $jobc_failed = 0 ] && [ -z "$jobc_cut" ]; }
jobc_going() { [ $jobc_failed = 0 ] && [ -z "$jobc_cut" ]; }
jobc_failure() { [ $jobc_failed = 1 ] || [ "$jobc_cut" = timeout ]; }
jobc_cancelled() { ! jobc_failure && [ -n "$jobc_cut" ]; }
jobc_status() {
  if jobc_failure; then printf failed; elif jobc_cancelled; then printf cancel; else printf success; fi
}

jobc_event() { # name, facts as JSON without braces, words for people
  if [ -n "$jobc_mark" ]; then
    printf '%s{"event":"%s",%s}\n' "$jobc_mark" "$1" "$2"
  elif [ -n "$3" ]; then
    printf 'jobc: %s\n' "$3" >&2
  fi
}

jobc_parse() { # the value that an output file has for a name; fails where the file is malformed
  awk -v want="$2" '
    { line = $0; sub(/\r+$/, "", line) }
    inside {
      if (!crlf) line = $0
      if (line == mark) { inside = 0; if (key == want) { value = held; found = 1 } }
      else { held = empty ? line : held "\n" line; empty = 0 }
      next
    }
    line ~ /^[ \t\f\v]*$/ { next }
    match(line, /^[A-Za-z_][A-Za-z0-9_-]*<</) && length(line) > RLENGTH {
      key = substr(line, 1, RLENGTH - 2)
      mark = substr(line, RLENGTH + 1)
      gsub(/^[ \t]+|[ \t]+$/, "", mark)
      inside = 1; crlf = (line != $0); held = ""; empty = 1
      next
    }
    {
      at = index(line, "=")
      key = substr(line, 1, at - 1)
      if (!at || key !~ /^[A-Za-z_][A-Za-z0-9_-]*$/) { bad = 1; exit }
      if (key == want) { value = substr(line, at + 1); found = 1 }
    }
    END { if (bad || inside) exit 3; if (found) printf "%s", value }
  ' "$1"
}
jobc_output() { jobc_parse "$jobc_dir/$1.output" "$2"; }
jobc_secret() { eval "[ -n \"\${$1+x}\" ] && printf %s \"\$$1\""; }
jobc_unknown() { jobc_fault "a value that the stage needs is not there"; }
jobc_fault() { # in a stage's body: it cannot be run
  printf '%s\n' "$1" > "$jobc_dir/$jobc_number.fault"
  printf '%s\n' "$1" >&2
  exit 1
}

jobc_begin_task() {
  printf 'task %s\n' "$(printf %s "$1" | base64 | tr -d '\n')" > "$jobc_dir/result"
  trap 'jobc_end cancel' TERM INT
  jobc_watch=
  if [ -n "$jobc_limit" ]; then
    ( trap - TERM INT; sleep "$jobc_limit"; kill -USR1 $$ ) > /dev/null 2>&1 &
    jobc_watch=$!
    trap 'jobc_end timeout' USR1
  fi
}
jobc_end() { # a second signal leaves no grace
  jobc_woken=1
  if [ -n "$jobc_cut" ] && [ "$1" = cancel ]; then jobc_kill KILL; fi
  jobc_cut=${jobc_cut:-$1}
  jobc_stop
}
jobc_kill() {
  [ -n "$jobc_child" ] || return 0
  kill -"$1" "-$jobc_child" 2> /dev/null || kill -"$1" "$jobc_child" 2> /dev/null
  return 0
}
jobc_stop() {
  [ -n "$jobc_child" ] || return 0
  jobc_kill TERM
  ( trap - TERM INT; sleep "$jobc_grace"; kill -KILL "-$jobc_child" || kill -KILL "$jobc_child" ) > /dev/null 2>&1 &
}

jobc_stage() { # number, path, facts
  jobc_number=$1 jobc_path=$2 jobc_facts=$3
  jobc_count=$((jobc_count + 1))
  eval "jobc_status_$1="
  : > "$jobc_dir/$1.output"
  : > "$jobc_dir/$1.json"
}
jobc_note() { # status, reason
  eval "jobc_status_$jobc_number=$1"
  printf 'stage %s %s %s %s %s %s\n' "$jobc_number" "$1" "$jobc_tries" "$jobc_kind" "$jobc_code" "$2" >> "$jobc_dir/result"
  jobc_event stage-ended "$jobc_facts,\"status\":\"$1\",\"attempts\":$jobc_tries" "stage $jobc_path: $1${2:+ ($2)}"
}
jobc_skip() {
  jobc_tries=0 jobc_kind=- jobc_code=0
  if [ -n "$jobc_cut" ]; then
    jobc_note cancel "$jobc_cut"
  elif [ $jobc_failed = 1 ]; then
    jobc_note skip "${1:-an earlier stage failed}"
  else
    jobc_note skip "$1"
  fi
}

jobc_exec() { # in a stage's body: become the command, in a session of its own
  export JOBC_OUTPUT="$jobc_dir/$jobc_number.output" JOBC_OUTPUT_JSON="$jobc_dir/$jobc_number.json"
  if command -v setsid > /dev/null; then exec setsid "$@"; fi
  exec "$@"
}
jobc_script() { # in a stage's body: shell
  if command -v "$1" > /dev/null; then
    if [ "$1" = bash ]; then jobc_exec bash -eo pipefail "$jobc_dir/$jobc_number.script"; fi
    jobc_exec "$1" -e "$jobc_dir/$jobc_number.script"
  fi
  jobc_exec sh -e "$jobc_dir/$jobc_number.script"
}

jobc_once() { # one attempt: sets jobc_code, jobc_kind (x exit, t timeout, s signal, f fault, o output, r raise)
  jobc_event stage-started "$jobc_facts,\"attempt\":$jobc_tries" "stage $jobc_path: started"
  rm -f "$jobc_dir/$jobc_number.fault" "$jobc_dir/$jobc_number.raised" "$jobc_dir/$jobc_number.timeout"
  ( trap - TERM INT USR1; jobc_body ) &
  jobc_child=$!
  jobc_guard=
  if [ -n "$jobc_stage_limit" ]; then
    (
      trap - TERM INT USR1
      sleep "$jobc_stage_limit"
      : > "$jobc_dir/$jobc_number.timeout"
      kill -TERM "-$jobc_child" || kill -TERM "$jobc_child"
      sleep "$jobc_grace"
      kill -KILL "-$jobc_child" || kill -KILL "$jobc_child"
    ) > /dev/null 2>&1 &
    jobc_guard=$!
  fi
  while :; do
    jobc_woken=0
    wait "$jobc_child"
    jobc_code=$?
    if [ $jobc_woken = 0 ] || ! kill -0 "$jobc_child" 2> /dev/null; then break; fi
  done
  # What it left running in its session ends with it.
  kill -KILL "-$jobc_child" 2> /dev/null
  jobc_child=
  [ -z "$jobc_guard" ] || kill "$jobc_guard" 2> /dev/null
  if [ -f "$jobc_dir/$jobc_number.timeout" ]; then jobc_kind=t
  elif [ -f "$jobc_dir/$jobc_number.fault" ]; then jobc_kind=f
  elif [ -f "$jobc_dir/$jobc_number.raised" ]; then jobc_kind=r
  elif [ $jobc_code -gt 128 ]; then jobc_kind=s
  elif [ $jobc_code -ne 0 ]; then jobc_kind=x
  elif ! jobc_output "$jobc_number" '' > /dev/null; then jobc_kind=o jobc_code=1
  elif [ -s "$jobc_dir/$jobc_number.json" ] && [ "$jobc_read" = 1 ]; then jobc_kind=j jobc_code=1
  else jobc_kind=-
  fi
}
jobc_run() {
  jobc_tries=0
  while :; do
    jobc_tries=$((jobc_tries + 1))
    jobc_once
    if [ $jobc_kind = - ] && [ -z "$jobc_cut" ]; then jobc_note success ''; return; fi
    if [ -n "$jobc_cut" ]; then
      if [ $jobc_kind = - ]; then jobc_note success ''
      elif [ "$jobc_cut" = timeout ]; then jobc_note failed ''
      else jobc_note cancel "$jobc_cut"; fi
      return
    fi
    if [ $jobc_tries -gt "$jobc_further" ] || ! jobc_covers "$jobc_code" "$jobc_kind"; then break; fi
    printf 'attempt %s of %s failed\n' "$jobc_tries" "$((jobc_further + 1))" >&2
    jobc_wait "$jobc_tries"
    if [ -n "$jobc_cut" ]; then jobc_note cancel "$jobc_cut"; return; fi
  done
  [ "$jobc_tolerated" = 1 ] || jobc_failed=1
  jobc_note failed ''
}

jobc_end_task() {
  trap '' TERM INT USR1
  [ -z "$jobc_watch" ] || kill "$jobc_watch" 2> /dev/null
  printf 'end %s\n' "${jobc_cut:-ended}" >> "$jobc_dir/result"
  for jobc_file in "$jobc_dir"/*.output "$jobc_dir"/*.json "$jobc_dir"/*.fault "$jobc_dir"/*.raised; do
    [ -s "$jobc_file" ] || continue
    printf 'file %s %s\n' "${jobc_file##*/}" "$(base64 < "$jobc_file" | tr -d '\n')" >> "$jobc_dir/result"
  done
  printf 'whole\n' >> "$jobc_dir/result"
  if [ -n "$jobc_result" ]; then
    cp "$jobc_dir/result" "$jobc_result.part" && mv "$jobc_result.part" "$jobc_result" || exit 2
  fi
  rm -rf "$jobc_dir"
  case $jobc_cut in
    timeout) exit 124 ;;
    cancel | kill) exit 143 ;;
  esac
  exit "$jobc_failed"
}
""".strip()
