"""Lifted shell scripts are run by a real bash: a value arrives as it is, whatever it holds, and runs nothing."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.sema.scripts_bash import Site, sites
from jobc.sema.scripts_flow import follow
from jobc.sema.scripts_quoting import scan

PRELUDE = (
    '{0}=(); for ((JOBC_I=0; JOBC_I<{0}_N; JOBC_I++)); do JOBC_V="{0}_$JOBC_I"; {0}+=("${{!JOBC_V}}"); done; '
    "unset JOBC_I JOBC_V; "
)
HOSTILE = (
    "'; touch pwned; $(touch pwned) `touch pwned` \"\\n' a[$(touch pwned)] * ~ & | > x {a,b} \\ \n #!é😀"
)


def draft(script: str) -> tuple[str, list[str], list[int]]:
    """A script with `@1`, `@2`… for its expressions, as the analysis sees it."""
    names: list[str] = []
    starts: list[int] = []
    out = ""
    for part in re.split(r"(@\d)", script):
        if re.fullmatch(r"@\d", part):
            names.append("JOBC_E" + str(len(names) + 1))
            starts.append(len(out))
            part = names[-1]
        out += part
    return out, names, starts


def place(script: str) -> list[Site]:
    """The sites of values that may be any text."""
    text, names, starts = draft(script)
    found = sites(text, names, starts)
    follow(text, starts, found, [True] * len(found))
    return found


def lift(script: str) -> tuple[str, list[Site]]:
    text, names, starts = draft(script)
    found = place(script)
    for site in found:
        assert site.problem is None, (script, site.problem)
    out, at = "", 0
    for name, start, site in zip(names, starts, found, strict=True):
        out += text[at:start] + ("" if site.use == "comment" else site.write(name))
        at = start + len(name)
    return out + text[at:], found


def run(script: str, *values: str | list[str] | None) -> str:
    """Standard output of the lifted script; fails if it ran anything that a value holds."""
    text, found = lift(script)
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    prelude = ""
    for number, (site, value) in enumerate(zip(found, values, strict=True), start=1):
        name = f"JOBC_E{number}"
        if site.use in ("words", "integers"):
            items = value if isinstance(value, list) else [] if value is None else [value]
            environ[name + "_N"] = str(len(items))
            environ.update({f"{name}_{i}": item for i, item in enumerate(items)})
            prelude += PRELUDE.format(name)
        else:
            environ[name] = "" if value is None else str(value)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", prelude + text],
            cwd=folder,
            env=environ,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert "pwned" not in os.listdir(folder), (script, values)
        assert done.returncode == 0, (text, done.stderr)
    return done.stdout.decode("utf-8", "surrogateescape")


#: Scripts that print the value of @1 and nothing else, one for each place of LANGUAGE §5 where a text may stand.
PRINTING = [
    "printf %s @1",
    "printf '%s' \"@1\"",
    "printf %s '@1'",
    "printf %s $'@1'",
    "printf %s ''@1\"\"",
    'x=@1; printf %s "$x"',
    'x="@1"; printf %s "$x"',
    "x='@1'; printf %s \"$x\"",
    'x+=@1; printf %s "$x"',
    'export x=@1; printf %s "$x"',
    'f() { local x=@1; printf %s "$x"; }; f',
    'declare x=@1; printf %s "$x"',
    'readonly x=@1; printf %s "$x"',
    'a=(1 @1 2); printf %s "${a[1]}"',
    'a=(1 "@1" 2); printf %s "${a[1]}"',
    'for i in @1; do printf %s "$i"; done',
    'for i in "@1"; do printf %s "$i"; done',
    "x=@1 bash -c 'printf %s \"$x\"'",
    "bash -c 'printf %s \"$1\"' _ @1",
    "bash -c 'printf %s \"$1\"' _ '@1'",
    "case @1 in @1) printf %s @1;; *) echo no;; esac",
    "x=@1; case \"$x\" in 'no') ;; @1) printf %s @1;; *) echo other;; esac",
    "[[ @1 == @1 ]] && printf %s @1",
    "[[ -n @1 || -z @1 ]] && printf %s @1",
    "[[ @1 =~ ^@1$ ]]; printf %s @1",
    '[ @1 = "@1" ] && printf %s @1',
    "test @1 = '@1' && printf %s @1",
    "printf %s \"$(printf %sx @1)\" | sed '$s/x$//'",
    'printf %s "$(printf %sx "@1")" | sed \'$s/x$//\'',
    "printf %s $(printf %s '@1' >/dev/null)@1",
    'printf %s "${undefined:-@1}"',
    "printf %s ${undefined:-@1}",
    'printf %s ${undefined:-"@1"}',
    'printf %s "${PATH:+@1}"',
    'x=a; printf %s "${x/a/@1}"',
    'x=a; printf %s "${x/a/"@1"}"',
    'x=@1; y="${x#@1}"; [ -z "$y" ] && printf %s @1',
    'declare -A m; m[@1]=v; for k in "${!m[@]}"; do printf %s "$k"; done',
    'declare -A m=([k]=@1); printf %s "${m[k]}"',
    "cat < <(printf %s @1)",
    "(printf %s @1)",
    "{ printf %s @1; }",
    "if true; then printf %s @1; fi",
    "! false && printf %s @1",
    "printf %s @1 | cat",
    "true; printf %s @1 # @1 here",
    "# @1 '\nprintf %s @1",
    "cat <<'EOF' >/dev/null\nit's (\nEOF\nprintf %s @1",
    "printf %s `printf %s x >/dev/null`@1",
    'x=`printf %sx @1`; printf %s "${x%x}"',
    'f() { printf %s "$1"; }\nf @1',
    "printf %s \\\n  @1",
    "case x in (x) printf %s @1 ;; esac",
    'y=$(case x in x) printf %sx @1 ;; esac); printf %s "${y%x}"',
    "((1)) && printf %s @1",
    "for ((i = 0; i < 1; i++)); do printf %s @1; done",
    "while read -r _; do printf %s '@1'; break; done <<< x",
    "trap 'exit 0' EXIT; printf %s @1",
    'printf %s "it\'s @1" | tail -c +6',
    "printf %s {x,@1} | tail -c +2",
    'x=${undefined-@1}; printf %s "$x"',
    "printf '%s' @1 2>&1 >&1",
    "echo 'a'\"b\" >/dev/null && env printf %s @1",
]
WITH_NEWLINE = [
    "cat <<EOF\n@1\nEOF",
    "cat <<-EOF\n\t@1\n\tEOF",
    "cat <<< @1",
    'cat <<< "@1"',
    "x=$(cat <<EOF\n@1.\nEOF\n)\nprintf '%s\\n' \"${x%.}\"",
    "cat <<EOF\n$(printf %s. @1 | sed '$s/[.]$//')\nEOF",
    "cat <<EOF\n${undefined:-@1}\nEOF",
]

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
MEAN = st.lists(
    st.sampled_from(
        [
            "'",
            '"',
            "$(touch pwned)",
            "`touch pwned`",
            "\\",
            "$",
            "\n",
            ";",
            "&",
            "*",
            " ",
            "}",
            "EOF",
            "]",
            "a",
        ]
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize("script", PRINTING)
def test_a_hostile_value_arrives_unchanged_and_unexecuted(script: str) -> None:
    assert run(script, *[HOSTILE] * script.count("@1")) == HOSTILE


@pytest.mark.parametrize("script", WITH_NEWLINE)
def test_a_hostile_value_arrives_through_documents(script: str) -> None:
    assert run(script, *[HOSTILE] * script.count("@1")) == HOSTILE + "\n"


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PRINTING), TEXTS | MEAN)
def test_any_text_arrives_unchanged_in_any_place(script: str, value: str) -> None:
    no_key = "m[@1]" in script and not value  # bash has no empty keys
    if not no_key and ("$(printf %sx" not in script or not value.endswith("\n")):
        assert run(script, *[value] * script.count("@1")) == value


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(WITH_NEWLINE), MEAN)
def test_any_text_arrives_unchanged_through_documents(script: str, value: str) -> None:
    if "$(printf" not in script or not value.endswith("\n"):
        assert run(script, *[value] * script.count("@1")) == value + "\n"


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=20).map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape")))
def test_any_bytes_arrive_unchanged(value: str) -> None:
    arrived = run("printf %s @1; printf %s '@2'; printf %s \"@3\"", value, value, value)
    assert arrived.encode("utf-8", "surrogateescape") == value.encode("utf-8", "surrogateescape") * 3


@settings(max_examples=30, deadline=None)
@given(st.lists(MEAN, max_size=4))
def test_a_list_becomes_one_word_an_item(items: list[str]) -> None:
    assert run("printf '<%s>' begin @1", items) == "".join(f"<{item}>" for item in ["begin", *items])


def test_null_becomes_no_word_where_words_are_made() -> None:
    assert run("f() { echo $#; }; f a @1 b", None) == "2\n"


def test_a_redirect_goes_to_the_file_that_the_value_names() -> None:
    assert run('printf hi > @1; cat "@2"', "a b$(x)", "a b$(x)") == "hi"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo $((2-@1))", "7"),
        ("((x = @1 * 2)); echo $x", "-10"),
        ("let x=@1+1; echo $x", "-4"),
        ('let "x = @1 + 1"; echo $x', "-4"),
        ("a=(0 1 2 3 4 5); echo ${a[@1]}", "1"),
        ("a[@1+6]=4; echo ${a[1]}", "4"),
        ("v=abcdefgh; echo ${v: @1:2}", "de"),
        ('v=abcdefgh; echo "${v:0:@1}"', "abc"),
        ("for ((i = @1; i < -4; i++)); do echo $i; done", "-5"),
        ("[[ @1 -lt 0 ]] && echo yes", "yes"),
        ('x=1; [[ $x -gt "@1" ]] && echo yes', "yes"),
        ("declare -i n=@1; echo $n", "-5"),
        ("declare -i m n; n=@1; echo $n", "-5"),
        ("f() { local -r -i n=@1; echo $n; }; f", "-5"),
        ("declare -i n; : ${n:=@1}; echo $n", "-5"),
        ("declare -ia a; a=(@1); echo ${a[0]}", "-5"),
        ("declare -i n; for n in @1; do echo $n; done", "-5"),
        ("echo $[@1]", "-5"),
        ("cat <<EOF\n$((@1+1))\nEOF", "-4"),
    ],
)
def test_where_bash_computes_the_value_must_be_an_integer(script: str, expected: str) -> None:
    assert all(site.use == "integer" for site in place(script))
    assert run(script, "-5") == expected + "\n"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("@1 --version", "choose the command"),
        ("sudo true; ./run-@1.sh", "choose the command"),
        ("if @1; then :; fi", "choose the command"),
        ("x=1 @1", "choose the command"),
        ("cat <<'EOF'\n@1\nEOF", "here-document whose delimiter is quoted"),
        ('cat <<"EOF"\n@1\nEOF', "here-document whose delimiter is quoted"),
        ("cat <<\\EOF\n@1\nEOF", "here-document whose delimiter is quoted"),
        ("cat <<@1\nx\nEOF", "delimiter"),
        ("@1() { :; }", "name of a function"),
        ("function @1 { :; }", "name of a function"),
        ("@1=3", "name of a variable"),
        ("x@1=3", "name of a variable"),
        ("export @1", "name of a variable"),
        ("export @1=x", "name of a variable"),
        ("local '@1'", "name of a variable"),
        ("for @1 in a; do :; done", "name of a variable"),
        ("echo ${@1}", "name of a variable"),
        ("echo ${!@1}", "name of a variable"),
        ("unset @1", "name of a variable"),
        ("read -r @1", "name of a variable"),
        ("printf -v @1 x", "name of a variable"),
        ("test -v @1", "name of a variable"),
        ("[[ -v @1 ]]", "name of a variable"),
        ('[[ -v "a[@1]" ]]', "name of a variable"),
        ("mapfile @1 < x", "name of a variable"),
        ('eval "echo @1"', "parsed as code again"),
        ("eval echo @1", "parsed as code again"),
        ("builtin eval @1", "parsed as code again"),
        ("bash -c 'echo @1'", "parsed as code again"),
        ('bash -c "echo @1"', "parsed as code again"),
        ("bash -c @1", "parsed as code again"),
        ("sh -ec 'echo @1' x", "parsed as code again"),
        ("bash -e -c 'echo @1'", "parsed as code again"),
        ("sudo -u x /bin/sh -c 'echo @1'", "parsed as code again"),
        ("xargs -n1 sh -c 'echo @1'", "parsed as code again"),
        ('docker exec c bash -lc "echo @1"', "parsed as code again"),
        ("python3.11 -c 'print(\"@1\")'", "parsed as code again"),
        ("perl -ne 'print @1'", "parsed as code again"),
        ("node --eval 'x(@1)'", "parsed as code again"),
        ("awk '{print \"@1\"}' file", "parsed as code again"),
        ("awk -F, -v x=1 '{print @1}' file", "parsed as code again"),
        ("trap 'rm @1' EXIT", "parsed as code again"),
        ('trap -- "rm @1" EXIT', "parsed as code again"),
        ("alias x='@1'", "parsed as code again"),
        ('ssh host "cd @1"', "parsed as code again"),
        ("ssh -p 22 host cd @1", "parsed as code again"),
        ("exec @1", "choose the command"),
        ("su - user -c 'echo @1'", "parsed as code again"),
        ("bash -euo pipefail -c 'echo @1'", "parsed as code again"),
        ('echo "ls @1" | bash', "reads this text as code"),
        ("printf 'ls %s' @1 2>&1 | ssh host", "reads this text as code"),
        ('declare "x=@1"', "name of a variable"),
        ("source @1", "choose the file"),
        (". ./@1", "choose the file"),
        ("bash <<EOF\necho @1\nEOF", "reads this text as code"),
        ("bash -s <<EOF\necho @1\nEOF", "reads this text as code"),
        ("bash -es <<EOF\necho @1\nEOF", "reads this text as code"),
        ("source /dev/stdin <<EOF\necho @1\nEOF", "reads this text as code"),
        ("bash /dev/stdin <<EOF\necho @1\nEOF", "reads this text as code"),
        ("ssh host <<EOF\necho @1\nEOF", "reads this text as code"),
        ("python3 - <<EOF\nprint(@1)\nEOF", "reads this text as code"),
        ("cat <<EOF | bash\necho @1\nEOF", "reads this text as code"),
        ('bash <<< "echo @1"', "reads this text as code"),
        ("echo {1..@1}", "range of braces"),
        ('echo "\\@1"', "backslash"),
        ("echo \\@1", "backslash"),
        ('echo "$@1"', "`$`"),
        ("x=\"`echo '@1'`\"", "backquotes"),
        ('echo `echo "@1"`', "backquotes"),
        ("echo 'open @1", "not clear"),
        ('echo "open @1', "not clear"),
        ("echo ) @1", "not clear"),
        ("sudo @1", "choose the command"),
        ("timeout -k 5 10 @1", "choose the command"),
        ("env X=1 @1", "choose the command"),
        ("xargs -0 -I {} @1 {}", "choose the command"),
        ("find . -exec @1 {} +", "choose the command"),
        ("exec -a x @1", "choose the command"),
        ("env -S 'cmd @1'", "parsed as code again"),
        ("find . -exec awk '{print @1}' {} +", "parsed as code again"),
        ("timeout 5 ssh host 'ls @1'", "parsed as code again"),
        ("runuser -l bob -c 'ls @1'", "parsed as code again"),
        ("flock /lock -c 'ls @1'", "parsed as code again"),
        ("git -c alias.x='!@1' x", "parsed as code again"),
        ("git submodule foreach 'ls @1'", "parsed as code again"),
        ("ssh -o ProxyCommand=@1 host", "parsed as code again"),
        ("rsync -ae 'ssh @1' a b", "parsed as code again"),
        ("tar --to-command='sh @1' -xf x", "parsed as code again"),
        ("mongosh --eval 'f(@1)'", "parsed as code again"),
        ("julia -e 'f(@1)'", "parsed as code again"),
        ("parallel 'ls @1' ::: a", "parsed as code again"),
        ("compgen -W @1", "parsed as code again"),
        ("echo @1 | xargs -I{} sh -c 'ls {}'", "reads this text as code"),
        ("{ echo a; echo @1; } | sh", "reads this text as code"),
        ("for i in a; do echo @1; done | sudo bash", "reads this text as code"),
        ("{ cat <<EOF\n@1\nEOF\n} | sh", "reads this text as code"),
        ('eval "$(echo @1)"', "reads this text as code"),
        ('bash -c "$(cat <<EOF\n@1\nEOF\n)"', "reads this text as code"),
        ("source <(echo @1)", "reads this text as code"),
        ("bash < <(echo @1)", "reads this text as code"),
        ("ssh host 'bash -s' <<EOF\n@1\nEOF", "reads this text as code"),
        ("su bob <<EOF\n@1\nEOF", "reads this text as code"),
        ("crontab - <<EOF\n* * * * * @1\nEOF", "reads this text as code"),
        ("BASH_ENV=@1 bash script.sh", "text of this variable is run"),
        ("PS4=@1; set -x", "text of this variable is run"),
        ("declare -n x=@1", "name of a variable"),
        ("wait -n -p @1", "name of a variable"),
        ('x=@1; eval "$x"', "goes into `$x`, whose text is then parsed as code"),
        ('x="ls @1"; y=$x; bash -c "$y"', "goes into `$y`, whose text is then parsed as code"),
        ('f() { eval "$@"; }; f ls @1', "goes into `$@`, whose text is then parsed as code"),
        ('set -- @1; ssh host "ls $1"', "goes into `$1`, whose text is then parsed as code"),
        ('IFS= read -r x <<< @1; eval "$x"', "goes into `$x`, whose text is then parsed as code"),
        ('while IFS= read -r x; do eval "$x"; done <<< @1', "goes into `$x`, whose text is then parsed"),
        ('f() { eval "$1"; }; A=1 f @1', "goes into `$1`, whose text is then parsed as code"),
        ('x=@1; echo "$x" | sh', "goes into `$x`, whose text is then parsed as code"),
        ('x=@1; echo "${x@P}"', "goes into `$x`, whose text is then parsed as code"),
        ("x=@1; echo ${!x}", "goes into `$x`, whose text is then the name of a variable"),
        ('x=@1; declare "$x=3"', "goes into `$x`, whose text is then the name of a variable"),
    ],
)
def test_where_no_value_can_go_a_finding_says_so(script: str, words: str) -> None:
    (site,) = place(script)
    assert site.problem is not None, lift(script)
    assert words in site.problem[0]
    assert site.problem[1]


@pytest.mark.parametrize(
    ("script", "remedy"),
    [
        ("bash -c 'echo @1'", "as an argument: bash -c"),
        ("ssh host deploy @1", "with `pattern` (`[a-z0-9.-]+`) or `enum`, or send it as input"),
        ("tar cf a.tar --to-command=@1", "with `pattern` (`[a-z0-9.-]+`) or `enum`, or put it into"),
        ("python3 -c 'print(@1)'", "keep the code constant"),
    ],
)
def test_the_remedy_is_one_that_the_program_allows(script: str, remedy: str) -> None:
    (site,) = place(script)
    assert site.problem is not None
    assert remedy in site.problem[1]


@pytest.mark.parametrize(
    ("script", "use"),
    [
        ("awk -v x=@1 '{print x}' f", "words"),
        ("awk '{print $1}' @1", "words"),
        ("python3 script.py @1", "words"),
        ("bash script.sh @1", "words"),
        ("sudo -u @1 ls", "words"),
        ("ssh -p @1 host ls", "words"),
        ("ssh @1 ls", "words"),
        ("ssh -i key user@@1 ls", "words"),
        ("sh script.sh -c @1", "words"),
        ("python3 -m build -c @1", "words"),
        ('export "x=@1"', "word"),
        ("echo @1 | sort | bash script.sh", "words"),
        ("read -p @1 name", "words"),
        ("echo x >> @1", "word"),
        ("grep -c @1 bash", "words"),
        ("trap 'x' @1", "words"),
        ("command -v @1", "words"),
        ("timeout @1 ls", "words"),
        ("nice -n @1 make", "words"),
        ("xargs -P @1 rm", "words"),
        ("sudo -u @1 systemctl restart x", "words"),
        ("env X=@1 make", "words"),
        ("find @1 -name '*.tmp' -exec rm {} +", "words"),
        ("git -c user.name=@1 commit", "words"),
        ("parallel gzip ::: @1", "words"),
        ('eval "$(ssh-agent -a @1)"', "words"),
        ("bash script.sh <(sort @1)", "words"),
        ("{ echo @1 > f; ls; } | sh", "words"),
        ("x=@1; trap 'rm \"$x\"' EXIT", "word"),
        ('x=@1; bash -c \'echo "$1"\' _ "$x"', "word"),
        ('x=@1; export "$x=3"', "word"),
        ("x=@1; [ $x -gt 3 ]", "word"),
        ("x=@1; [[ $x =~ ^[0-9]+$ ]] || exit; echo $((x))", "word"),
        ("x=@1; x=3; echo $((x))", "word"),
        ("x=@1; echo ${#x}", "word"),
        ("for i in @1; do echo $i; done; for ((i = 0; i < 3; i++)); do echo $i; done", "words"),
        ("declare -A a; x=@1; echo ${a[$x]}", "word"),
        ("f() { local n=$2; echo $((n)); }; f @1 3", "words"),
    ],
)
def test_an_argument_of_a_program_that_also_takes_code_is_a_plain_word(script: str, use: str) -> None:
    (site,) = place(script)
    assert site.problem is None
    assert site.use == use


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("n=@1; echo $((n + 1))", "-4"),
        ("n=@1; echo $(( $n + 1 ))", "-4"),
        ('n="@1"; [[ $n -lt 0 ]] && echo yes', "yes"),
        ("n='@1'; let m=n+1; echo $m", "-4"),
        ("for i in @1; do echo $((i * 2)); done", "-10"),
        ("f() { local -r n=$1; (( n < 0 )) && echo $n; }; f @1", "-5"),
        ("read -r a n <<< 'x @1'; echo $((n))", "-5"),
        ("while read -r n; do echo $((n)); done <<EOF\n@1\nEOF", "-5"),
        ("a=(@1); echo $((a[0]))", "-5"),
        ("declare -i n; read -r n <<< @1; echo $n", "-5"),
        ("n=3; if [ -n x ]; then n=@1; fi; echo $((n))", "-5"),
        ("n=@1; if [ -z x ]; then n=3; fi; echo $((n))", "-5"),
        ("n=0; for x in a b; do echo $((n)); n=@1; done | tail -n 1", "-5"),
    ],
)
def test_a_variable_that_bash_computes_with_takes_whole_numbers_only(script: str, expected: str) -> None:
    assert [site.use for site in place(script)] == ["integers"]
    assert run(script, "-5") == expected + "\n"


def test_a_variable_that_bash_computes_with_may_be_empty() -> None:
    assert run('n=@1; if [ -n "$n" ]; then echo $((n)); else echo none; fi', None) == "none\n"


@pytest.mark.parametrize(
    ("script", "reader"),
    [
        ('sed "s/x/@1/" f', "sed"),
        ("sed -n -e p -e '/@1/p' f", "sed"),
        ("sed -n p @1", None),
        ("jq '.[@1]' f", "jq"),
        ("jq --arg x @1 . f", None),
        ("yq eval '.x = \"@1\"' f", "jq"),
        ("make X=@1", "make"),
        ("make @1", None),
        ("psql -tc \"select '@1'\"", "SQL"),
        ("psql -v x=@1 -f q.sql", None),
        ('mysql -e"select @1"', "SQL"),
        ("docker exec -i db psql <<EOF\nselect '@1'\nEOF", "SQL"),
        ("sqlite3 app.db \"select '@1'\"", "SQL"),
        ("sqlite3 @1 'select 1'", None),
    ],
)
def test_programs_for_other_readers_are_known(script: str, reader: str | None) -> None:
    (site,) = place(script)
    assert site.problem is None
    assert site.reader == reader


@pytest.mark.parametrize("line", ["echo '@1'", 'x="@1"', "ls a @1"])
def test_strings_and_plain_arguments_are_lifted_where_the_parser_fails(line: str) -> None:
    (site,) = place(f"f() {{\n  exec 3<>x\n  {line}\n}}")
    assert site.problem is None


@pytest.mark.parametrize(
    "lines",
    [
        "bash -c '\n  echo @1\n'",
        'eval \\\n  x "@1"',
        'declare -i n\n  n="@1"',
        'a["@1"]=3',
        "cat <<EOF\nx @1\nEOF",
        'echo "@1" |\n  bash',
        "@1 x",
        'x="$(eval "@1")"',
    ],
)
def test_nothing_else_is_lifted_where_the_parser_fails(lines: str) -> None:
    (site,) = place(f"f() {{\n  exec 3<>x\n  {lines}\n}}")
    assert site.problem is not None


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "echo a ",
            "@1",
            " ",
            "'b'",
            '"c"',
            '"',
            "'",
            "$(",
            ")",
            "`",
            "\n",
            "$'d'",
            "${x:-",
            "}",
            "# ",
            "; ",
            "((",
            "))",
            "\\",
            "<<EOF\n",
            "EOF\n",
            "$((1+",
            "x=",
        ]
    ),
    max_size=10,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(FRAGMENTS, FRAGMENTS)
def test_no_script_however_broken_runs_a_value(before: str, after: str) -> None:
    script = before.replace("@1", "") + "@1" + after.replace("@1", "")
    text, names, starts = draft(script)
    (site,) = sites(text, names, starts)
    if site.problem is not None or site.use == "comment":
        return
    lifted = text[: starts[0]] + site.write(names[0]) + text[starts[0] + len(names[0]) :]
    value = "$(touch pwned)`touch pwned`;touch pwned;a[$(touch pwned)]"
    if site.use == "integer":
        value = "1"
    environ = {"PATH": os.environ["PATH"], "JOBC_E1": value, "JOBC_E1_N": "1", "JOBC_E1_0": value}
    prelude = PRELUDE.format("JOBC_E1") if site.use == "words" else ""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["bash", "-c", prelude + lifted],
            cwd=folder,
            env=environ,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=20,
        )
        assert "pwned" not in os.listdir(folder), lifted


def test_the_scanner_finds_every_kind_of_quoting() -> None:
    script = "a @1 '@2' \"@3\" $'@4' $((@5)) ${v[@6]} ${@7} # @8\ncat <<E <<'F'\n@9\nE\n"
    text, names, starts = draft(script)
    found = scan(text, starts, [s + len(n) for s, n in zip(starts, names, strict=True)])
    assert list(found.values()) == [
        "word", "single", "double", "ansi", "arithmetic", "subscript", "name", "comment", "heredoc",
    ]  # fmt: skip


PIECES = st.recursive(
    st.sampled_from(
        [
            "a",
            "@",
            "'b c'",
            "'@'",
            "'it (@) #'",
            '"@"',
            '"a # @ \\" "',
            "x@y",
            "$'@\\''",
            "${v:-@}",
            '"${v:-@}"',
            "\\(",
            "$v",
        ]
    ),
    lambda inner: st.one_of(
        inner.map(lambda p: f"$(printf %s {p})"),
        inner.map(lambda p: f'"$(printf %s {p})"'),
        inner.map(lambda p: f"<(printf %s {p})"),
        st.tuples(inner, inner).map(" ".join),
        inner.map(lambda p: f"$(case x in x) printf %s {p} ;; esac)"),
    ),
    max_leaves=6,
)
STATEMENTS = st.lists(
    st.one_of(
        PIECES.map(lambda p: f"printf %s {p}"),
        PIECES.map(lambda p: f"if printf %s {p}; then printf %s {p}; fi"),
        PIECES.map(lambda p: f"for i in {p}; do printf %s $i; done"),
        PIECES.map(lambda p: f"# {p}".replace("\n", " ")),
        PIECES.map(lambda p: f"(printf %s {p}) | cat > /dev/null"),
        st.just("cat <<EOF\n'@' \"@\" it's\nEOF"),
        st.just("cat <<'EOF'\n'it's (\nEOF"),
        st.just("((n = @ + 1))"),
    ),
    max_size=4,
).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(STATEMENTS)
def test_scanner_and_parser_agree_on_scripts_that_parse(script: str) -> None:
    numbered = script.replace("@", "@1")
    for site in place(numbered):
        assert site.problem is None, (numbered, site.problem)
