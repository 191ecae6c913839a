"""Values arrive as they were sent, whatever is in them, and secrets are seen nowhere."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from jobc.conformance.bench import Bench
from jobc.conformance.subject import Subject
from jobc.conformance.suite import Suite

AWKWARD = {
    "newlines": "one\ntwo\n\n  three",
    "quotes": """'single' "double" `back` \\ \\n $HOME $(id) ${x} %s %%""",
    "unicode": "žluťoučký 漢字 🦊 עברית e\u0301 \u200b\u2028",
    "empty": "",
    "spaces": "  both sides\t ",
    "equals": "A=B;C=D&e|f>g<h*?[a-z]!#~",
    "dash": "--flag",
    "large": "0123456789" * 10_000,
}
SECRET = "s3cr3t-Väl+ue/with=odd 'chars'"

_RETURN = """printf 'back<<END_OF_VALUE\\n%s\\nEND_OF_VALUE\\n' "$AWKWARD" >> "$JOBC_OUTPUT" """


class Values(Suite):
    @pytest.mark.parametrize("name", AWKWARD)
    def test_an_awkward_value_in_the_environment(self, bench: Bench, name: str) -> None:
        result = bench.run(
            "params: {v: str}\njobs: {job: {env: {AWKWARD: '${{ params.v }}'}, stages: [{bash: "
            + repr_yaml(_RETURN)
            + "}]}}",
            {"v": AWKWARD[name]},
        )
        assert result.status == "success", result.jobs["job"].reason
        assert result.jobs["job"].outputs == {"back": AWKWARD[name]}

    @pytest.mark.parametrize("name", [name for name in AWKWARD if name != "large"])
    def test_an_awkward_value_in_a_script(self, bench: Bench, name: str) -> None:
        script = _RETURN.replace('"$AWKWARD"', '"${{ params.v }}"')
        result = bench.run(
            "params: {v: str}\njobs: {job: {stages: [{bash: " + repr_yaml(script) + "}]}}",
            {"v": AWKWARD[name]},
        )
        assert result.jobs["job"].outputs == {"back": AWKWARD[name]}

    def test_unicode_everywhere(self, bench: Bench) -> None:
        result = bench.run(
            """
            jobs:
              job:
                strategy: {matrix: {fox: ["🦊", "лиса", "e\u0301"]}}
                stages: [{name: "✓ ${{ matrix.fox }}", bash: 'echo "→ ${{ matrix.fox }}"; echo "f=${{ matrix.fox }}" >> "$JOBC_OUTPUT"'}]
            """
        )
        foxes = ["🦊", "лиса", "e\u0301"]
        assert result.jobs["job"].outputs == {"f": foxes}
        assert [bench.log(combination=n) for n in range(3)] == [[f"→ {fox}"] for fox in foxes]
        names = {each["name"] for each in bench.events if each["event"] == "stage-ended"}
        assert names == {f"✓ {fox}" for fox in foxes}

    def test_bytes_that_are_no_text_harm_nothing(self, bench: Bench) -> None:
        result = bench.run(r"""jobs: {job: {stages: [{bash: "printf 'a\\377\\376b\\n\\000\\nafter\\n'"}]}}""")
        assert result.status == "success"
        assert bench.log()[-1] == "after"
        assert bench.log()[0].startswith("a")

    def test_a_log_of_megabytes_is_whole(self, bench: Bench) -> None:
        lines = 30_000
        result = bench.run(
            """
            jobs:
              job:
                stages:
                  - bash: |
                      i=0
                      while [ $i -lt 30000 ]; do
                        echo "$i ....................................................................................."
                        i=$((i + 1))
                      done
            """
        )
        assert result.status == "success"
        told = [int(line.split()[0]) for line in bench.log()]
        assert told == list(range(lines))
        kept = [int(line.split()[0]) for line in bench.kept_log().splitlines()]
        assert kept == list(range(lines))

    def test_large_outputs_come_back_whole(self, bench: Bench) -> None:
        result = bench.run(
            """
            jobs:
              job:
                stages:
                  - bash: |
                      { echo 'big<<END'; head -c 1500000 /dev/zero | tr '\\0' y; echo; echo END; } >> "$JOBC_OUTPUT"
            """
        )
        assert result.status == "success", result.jobs["job"].reason
        assert result.jobs["job"].outputs == {"big": "y" * 1_500_000}

    @pytest.mark.parametrize("kind", ["declared", "param"])
    def test_a_secret_is_seen_nowhere(self, bench: Bench, subject: Subject, kind: str) -> None:
        seen: list[bytes] = []

        def look(event: dict[str, Any], control: Any) -> None:
            if event["event"] == "log" and event["text"] == "running":
                seen.append(subject.exposed())

        value = "secrets.TOKEN" if kind == "declared" else "params.token"
        head = "secrets: [TOKEN]" if kind == "declared" else "params: {token: secret}"
        result = bench.run(
            f"""
            {head}
            jobs:
              job:
                env: {{KEY: "${{{{ {value} }}}}"}}
                stages:
                  - bash: |
                      printf '%s\\n' "$KEY"
                      printf '%s' "$KEY" | base64
                      printf 'x%s\\n' "$KEY" >&2
                      echo "length=${{#KEY}}" >> "$JOBC_OUTPUT"
                      printf 'told=%s\\n' "$KEY" >> "$JOBC_OUTPUT"
                      echo running; sleep 1
                  - {{bash: 'printf "%s\\n" "$KEY"; exit 1'}}
            """,
            {} if kind == "declared" else {"token": SECRET},
            secrets={"TOKEN": SECRET} if kind == "declared" else {},
            seen=look,
        )
        stage = result.jobs["job"].combinations[0].stages[0]
        assert stage.outputs["length"] in (str(len(SECRET)), str(len(SECRET.encode())))
        everything = "\n".join(map(repr, [*bench.events, stage.outputs if kind == "declared" else ""]))
        for form in (SECRET, base64.b64encode(SECRET.encode()).decode()):
            assert form not in everything
            assert form.encode() not in bench.journal_bytes()
            assert all(form.encode() not in shown for shown in seen)
        assert len(seen) == 1
        assert "***" in bench.log()


def repr_yaml(text: str) -> str:
    """A text as a double-quoted YAML scalar."""
    import json

    return json.dumps(text, ensure_ascii=False)
