from __future__ import annotations

import shutil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HOSTILE = """'; rm -rf x; $(id) `id` "\\n' \t\n${HOME} \\ * ? [a] ~ !! # & | > < 𝄞 é"""


def test_every_quoting_context_passes_a_hostile_value(build: Any, run: Any) -> None:
    script = "\n".join(
        [
            'printf "%s" "${JOBC_E1}" > word',
            'printf "%s" "a${JOBC_E1}b" > inside',
            "printf \"%s\" 'it'\"${JOBC_E1}\"'' > single",
            "cat > here <<EOF",
            "${JOBC_E1}",
            "EOF",
            'printf "<%s>" "${JOBC_E2[@]}" > words',
        ]
    )
    slots = [("JOBC_E1", HOSTILE, "word"), ("JOBC_E2", ["list", HOSTILE, "", "z"], "words")]
    assert run(build.job(build.bash(script, slots))).status == "success"

    def read(file: str) -> str:
        with open(f"{run.workdir}/{file}", encoding="utf-8", newline="") as opened:
            return opened.read()

    assert read("word") == HOSTILE
    assert read("inside") == f"a{HOSTILE}b"
    assert read("single") == "it" + HOSTILE
    assert read("here") == HOSTILE + "\n"
    assert read("words") == f"<{HOSTILE}><><z>"


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.text(
    "'\"$`\\(){};&|\n *~!#", max_size=30
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_any_text_arrives_unchanged_and_unexecuted(build: Any, run: Any, word: str, words: list[str]) -> None:
    script = 'printf "%s\\0" "${JOBC_E1}" "${JOBC_E2[@]}" > got'
    slots = [("JOBC_E1", word, "word"), ("JOBC_E2", ["list", *words], "words")]
    assert run(build.job(build.bash(script, slots))).status == "success"
    with open(run.workdir + "/got", "rb") as file:
        assert file.read().split(b"\0")[:-1] == [text.encode() for text in [word, *words]]


@pytest.mark.parametrize(
    ("value", "count"), [(None, 0), (["list"], 0), ("", 1), ("a b", 1), (5, 1), (["list", 1, None], 2)]
)
def test_words_of_a_value(build: Any, run: Any, value: Any, count: int) -> None:
    run(build.job(build.bash('set -- "${JOBC_E1[@]}"; echo $#', [("JOBC_E1", value, "words")])))
    assert run.host.lines() == [str(count)]


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_value_of_a_megabyte_passes(build: Any, run: Any, shell: str) -> None:
    value = "é'\n" * 300_000
    result = run(
        build.job(build.bash('printf "%s" "${JOBC_E1}" > got', [("JOBC_E1", value, "word")], shell=shell))
    )
    assert result.status == "success"
    with open(run.workdir + "/got", encoding="utf-8", newline="") as file:
        assert file.read() == value


def test_many_words_pass(build: Any, run: Any) -> None:
    items = ["list", *(f"item {at}\n" for at in range(5000))]
    run(
        build.job(
            build.bash('echo "${#JOBC_E1[@]}"; printf "%s" "${JOBC_E1[4999]}"', [("JOBC_E1", items, "words")])
        )
    )
    assert run.host.lines() == ["5000", "item 4999"]


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_a_value_that_no_variable_can_hold_fails_before_the_start(build: Any, run: Any, value: str) -> None:
    result = run(build.job(build.bash("echo started", [("JOBC_E1", value, "word")])))
    assert result.status == "failed"
    assert result.error.type == "slot"
    assert run.host.lines() == []


@pytest.mark.parametrize(("value", "shown"), [(5, "6"), (-3, "-2"), ("08", "9"), (" 7 ", "8")])
def test_arithmetic_takes_whole_numbers(build: Any, run: Any, value: Any, shown: str) -> None:
    run(build.job(build.bash("echo $((JOBC_E1 + 1))", [("JOBC_E1", value, "integer")])))
    assert run.host.lines() == [shown]


@pytest.mark.parametrize("value", ["x[$(touch pwned)]", 1.5, True, None, "", "1_0", "٣", 2**70, "--1"])
def test_arithmetic_refuses_everything_else_before_the_start(build: Any, run: Any, value: Any) -> None:
    result = run(build.job(build.bash("echo $((JOBC_E1 + 1))", [("JOBC_E1", value, "integer")])))
    assert result.error.type == "slot"
    assert run.host.lines() == []


def test_a_failing_command_stops_the_script_and_its_exit_code_is_named(build: Any, run: Any) -> None:
    result = run(build.job(build.bash("echo before\necho why >&2\nfalse | cat\necho after")))
    assert run.host.lines("stdout") == ["before"]
    assert result.error.type == "exit"
    assert result.error.exit_code == 1
    assert result.error.message == "the script ended with exit code 1: why"


def test_a_missing_command_is_explained_on_its_yaml_line(build: Any, run: Any) -> None:
    result = run(build.job(build.bash("true\nnosuchcommand\n")))
    assert result.error.exit_code == 127
    assert "a command was not found; install it, or check PATH" in result.error.message
    assert result.error.line == 12
    assert run.host.lines("stderr")[0].startswith("flow.job.yml:12: nosuchcommand")


def test_an_unexpected_end_is_placed_on_the_last_line_of_the_script(build: Any, run: Any) -> None:
    result = run(build.job(build.bash("echo 1\nif true; then\n  echo\n"))).stages[0]
    assert result.error.line == 13
    assert "flow.job.yml:13: syntax error: unexpected end of file" in result.error.message


def test_a_pipe_in_place_of_the_output_file_is_refused_instead_of_read(build: Any, run: Any) -> None:
    for script in ("rm $JOBC_OUTPUT; mkfifo $JOBC_OUTPUT", "rm $JOBC_OUTPUT_JSON; mkdir $JOBC_OUTPUT_JSON"):
        result = run(build.job(build.bash(script))).stages[0]
        assert result.error.type == "output"
        assert "is no file any more" in result.error.message


def test_a_prelude_does_not_move_lines(build: Any, run: Any) -> None:
    result = run(build.job(build.bash("true\nnosuchcommand\n", [("JOBC_E1", ["list", "a"], "words")])))
    assert result.error.line == 12


def test_death_by_signal_is_named(build: Any, run: Any) -> None:
    result = run(build.job(build.bash("kill -KILL $$")))
    assert result.status == "failed"
    assert result.error.type == "signal"
    assert "SIGKILL" in result.error.message


@pytest.mark.parametrize(
    ("shell", "script", "expected"),
    [
        ("bash", "echo $-", "e"),
        ("sh", "echo $0", "script"),
        ("bash -x", "echo on", "on"),
        ("bash -u {0} extra", "echo $1", "extra"),
        ("python3 -u", "print('py')", "py"),
    ],
)
def test_shells(build: Any, run: Any, shell: str, script: str, expected: str) -> None:
    assert run(build.job(build.bash(script, shell=shell))).status == "success"
    assert expected in run.host.lines("stdout")[0]


@pytest.mark.parametrize("shell", ["bash", "sh", shutil.which("bash")])
def test_a_shell_without_arguments_stops_at_a_failing_command(build: Any, run: Any, shell: str) -> None:
    assert run(build.job(build.bash("false; echo went on", shell=shell))).status == "failed"


def test_a_shell_with_arguments_has_no_flags_added(build: Any, run: Any) -> None:
    assert run(build.job(build.bash("false; echo went on", shell="bash -u"))).status == "success"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_words_in_zsh(build: Any, run: Any) -> None:
    slots = [("JOBC_E1", ["list", "a b", "c"], "words")]
    assert run(build.job(build.bash('printf "<%s>" "${JOBC_E1[@]}"', slots, shell="zsh"))).status == "success"
    assert run.host.lines() == ["<a b><c>"]


def test_words_in_a_shell_without_arrays_say_what_to_write(build: Any, run: Any) -> None:
    result = run(build.job(build.bash("echo ${JOBC_E1}", [("JOBC_E1", "x", "words")], shell="sh")))
    assert "put it in double quotes, or use `shell: bash`" in result.error.message


def test_a_missing_shell_is_named(build: Any, run: Any) -> None:
    result = run(build.job(build.bash("x", shell="nosuchshell -e")))
    assert result.error.type == "start"
    assert "nosuchshell is not installed here" in result.error.message


def test_outputs_from_both_files(build: Any, run: Any) -> None:
    script = 'echo a=1 >> "$JOBC_OUTPUT"\nprintf "log<<E\\nx\\ny\\nE\\n" >> "$JOBC_OUTPUT"\necho \'{"n": [1]}\' > "$JOBC_OUTPUT_JSON"'
    assert run(build.job(build.bash(script))).outputs == {"a": "1", "log": "x\ny", "n": [1]}


def test_a_malformed_output_fails_the_stage(build: Any, run: Any) -> None:
    result = run(build.job(build.bash('echo oops >> "$JOBC_OUTPUT"')))
    assert result.error.type == "output"
    assert "`oops`" in result.error.message


def test_outputs_of_a_failed_script_are_kept(build: Any, run: Any) -> None:
    result = run(build.job(build.bash('echo done=3 >> "$JOBC_OUTPUT"; exit 2')))
    assert result.stages[0].outputs == {"done": "3"}
    assert result.status == "failed"


def test_a_timeout_ends_the_stage(build: Any, run: Any) -> None:
    result = run(build.job(build.bash("sleep 600 & wait", timeout="300ms")))
    assert result.status == "failed"
    assert result.error.type == "timeout"
    assert result.error.message == "the stage ran longer than its timeout of 0.3 s"
