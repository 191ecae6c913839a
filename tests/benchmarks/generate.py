"""Generated jobs files of any size, shaped like those that people write."""

from __future__ import annotations

#: The lines of one job of `large`.
LINES_PER_JOB = 26
#: The lines of one job of `varied`.
LINES_PER_VARIED_JOB = 57


def large(jobs: int) -> str:
    """A workflow of about `LINES_PER_JOB × jobs` lines: needs, matrices, conditions, bash and Python."""
    parts = [
        "name: generated\nparams:\n  day: {type: date, default: 2026-01-01}\n  dry: {type: bool, default: false}\njobs:\n"
    ]
    for n in range(jobs):
        needs = f"[job-{n - 1}, job-{n // 2}]" if n > 2 else "[]"
        read = f"${{{{ needs.job-{n - 1}.outputs.rows }}}}" if n > 2 else "0"
        parts.append(f"""\
  job-{n}:
    desc: Step {n} of the generated workflow
    runs-on: local
    needs: {needs}
    condition: params.dry == false
    strategy:
      matrix:
        region: [north, south, east, west]
        size: [{n}, {n + 1}]
      exclude:
        - {{region: east, size: {n}}}
      max-parallel: 4
    env:
      STEP: "{n}"
      DAY: ${{{{ params.day }}}}
    stages:
      - name: Fetch ${{{{ matrix.region }}}}
        bash: |
          echo "fetching ${{{{ matrix.region }}}} for $DAY"
          printf '%s\\n' ${{{{ matrix.size }}}}
      - name: Work
        run: |
          before = {read}
          rows = [r * ${{{{ matrix.size }}}} for r in range(10)]
      # the end of job {n}
""")
    return "".join(parts)


def varied(jobs: int, first: int = 0) -> str:
    """A workflow of about `LINES_PER_VARIED_JOB` lines a job in which hardly a text occurs twice: other expressions in every job, all styles
    of scalars, comments, flow collections, and longer scripts."""
    parts = [
        "name: varied\n"
        "params:\n  day: {type: date, default: 2026-01-01}\n  rows: {type: int, default: 5}\n"
        "  target: {type: str, enum: [dev, 'stage', \"prod\"], default: dev}\n  tags: {type: list, default: [a, b]}\n"
        "jobs:\n"
    ]
    for n in range(first, first + jobs):
        before = f"len(needs.load-{n - 1}.outputs.rows)" if n > first else "params.rows"
        parts.append(f"""\
  # Job {n}: {"checks" if n % 2 else "loads"} one part; see the runbook, chapter {n % 17}.
  load-{n}:
    desc: >-
      Part {n} of the data, as it came
      from the source number {n * 7 % 101}
      on the day before.
    runs-on: {{type: docker, image: "registry.example/python:{n % 9}.{n % 13}", env: {{LEVEL: "{n}", 'MODE': fast}}}}
    needs: {f"[load-{n - 1}]" if n > first else "[]"}
    condition: "params.rows > {n % 50} && params.target != 'prod' || always()"
    strategy:
      matrix:
        part: [p{n}, 'q {n}', "r\\t{n}"]
        width: [{n}, {n * 3 + 1}, {n * 5 + 2}]
      include:
        - {{part: 'extra-{n}', width: {n + 7}}}
    timeout: {n % 50 + 1}m
    retry: {{attempts: {n % 4 + 1}, delay: {n % 30 + 1}s, backoff: exponential}}
    env:
      LABEL_{n}: ${{{{ upper(params.target) }}}}-{n}
      TOTAL: "${{{{ params.rows * {n} + len(params.tags) }}}} of {n * 10}"  # shown in the report
    stages:
      - name: 'Fetch part {n}: ${{{{ matrix.part }}}} (''raw'')'
        id: fetch-{n}
        bash: |
          set -euo pipefail
          # fetch what the source {n} holds
          out="data/part-{n}/${{{{ matrix.part }}}}.csv"
          mkdir -p "$(dirname "$out")"
          for try in 1 2 {n % 5 + 3}; do
            curl -sf "https://source-{n}.example/${{{{ params.day }}}}?width=${{{{ matrix.width + {n} }}}}" -o "$out" && break
            sleep $((try * {n % 7 + 1}))
          done
          if [ ! -s "$out" ]; then
            echo "nothing for part {n}" >&2
            exit {n % 200 + 1}
          fi
          echo "size={n}" >> "$JOBC_OUTPUT"
      - name: Count part {n}
        condition: ${{{{ stages.fetch-{n}.result == 'success' && matrix.width >= {n} }}}}
        vars:
          limit: ${{{{ params.rows + {n} }}}}
          names: [a{n}, "b {n}", '${{{{ matrix.part }}}}/{n}']
        run: |
          import csv

          def count_{n}(path, limit=limit):
              # every line but the first
              with open(path) as stream:
                  rows = [row for row in csv.reader(stream) if len(row) > {n % 11} and row[0] in names]
              return min(len(rows), limit)

          total_{n} = count_{n}("data/part-{n}/${{{{ matrix.part }}}}.csv")
          share = total_{n} / max(1, ${{{{ matrix.width * {n % 9 + 2} }}}})
          print(f"part {n}: {{total_{n}}} rows, {{share:.2f}}")
    outputs:
      rows: ${{{{ {before} + {n} }}}}
      place: "data/part-{n}/${{{{ params.target == 'dev' ? 'small-{n}' : 'large-{n}' }}}}"
""")
    return "".join(parts)


def varied_github(jobs: int, first: int = 0) -> str:
    """The same as `varied`, as far as a workflow of GitHub can say it: as many jobs, steps, scripts and expressions."""
    parts = [
        "name: varied\n"
        "on:\n  workflow_dispatch:\n    inputs:\n      day: {type: string, default: '2026-01-01'}\n"
        "      rows: {type: number, default: 5}\n"
        "      target: {type: choice, options: [dev, 'stage', \"prod\"], default: dev}\n"
        '      tags: {type: string, default: \'["a", "b"]\'}\npermissions: {}\njobs:\n'
    ]
    for n in range(first, first + jobs):
        needs = f"\n    needs: [load-{n - 1}]" if n > first else ""
        before = f"needs.load-{n - 1}.outputs.rows" if n > first else "inputs.rows"
        parts.append(f"""\
  # Job {n}: {"checks" if n % 2 else "loads"} one part; see the runbook, chapter {n % 17}.
  load-{n}:
    name: >-
      Part {n} of the data, as it came
      from the source number {n * 7 % 101}
      on the day before.
    runs-on: ubuntu-24.04
    container: {{image: "registry.example/python:{n % 9}.{n % 13}", env: {{LEVEL: "{n}", 'MODE': fast}}}}{needs}
    if: "inputs.rows > {n % 50} && inputs.target != 'prod' || always()"
    strategy:
      matrix:
        part: [p{n}, 'q {n}', "r\\t{n}"]
        width: [{n}, {n * 3 + 1}, {n * 5 + 2}]
        include:
          - {{part: 'extra-{n}', width: {n + 7}}}
    timeout-minutes: {n % 50 + 1}
    env:
      LABEL_{n}: ${{{{ inputs.target }}}}-{n}
      TOTAL: "${{{{ format('{{0}} {{1}}', inputs.rows, inputs.tags) }}}} of {n * 10}"  # shown in the report
    steps:
      - name: 'Fetch part {n}: ${{{{ matrix.part }}}} (''raw'')'
        id: fetch-{n}
        shell: bash
        run: |
          set -euo pipefail
          # fetch what the source {n} holds
          out="data/part-{n}/${{{{ matrix.part }}}}.csv"
          mkdir -p "$(dirname "$out")"
          for try in 1 2 {n % 5 + 3}; do
            curl -sf "https://source-{n}.example/${{{{ inputs.day }}}}?width=${{{{ matrix.width }}}}" -o "$out" && break
            sleep $((try * {n % 7 + 1}))
          done
          if [ ! -s "$out" ]; then
            echo "nothing for part {n}" >&2
            exit {n % 200 + 1}
          fi
          echo "size={n}" >> "$GITHUB_OUTPUT"
      - name: Count part {n}
        if: ${{{{ steps.fetch-{n}.outcome == 'success' && matrix.width >= {n} }}}}
        env:
          LIMIT: ${{{{ inputs.rows }}}}
          NAMES: a{n}, "b {n}", ${{{{ matrix.part }}}}/{n}
        shell: python
        run: |
          import csv, os

          def count_{n}(path, limit=int(os.environ["LIMIT"])):
              # every line but the first
              with open(path) as stream:
                  rows = [row for row in csv.reader(stream) if len(row) > {n % 11} and row[0] in names]
              return min(len(rows), limit)

          total_{n} = count_{n}("data/part-{n}/${{{{ matrix.part }}}}.csv")
          share = total_{n} / max(1, ${{{{ matrix.width }}}})
          print(f"part {n}: {{total_{n}}} rows, {{share:.2f}}")
    outputs:
      rows: ${{{{ {before} }}}}
      place: "data/part-{n}/${{{{ inputs.target == 'dev' && 'small-{n}' || 'large-{n}' }}}}"
""")
    return "".join(parts)


def chain(jobs: int) -> str:
    """A chain of jobs with one empty stage each."""
    parts = ["jobs:\n"]
    for n in range(jobs):
        parts.append(
            f"  j{n}:\n" + (f"    needs: j{n - 1}\n" if n else "") + "    stages:\n      - echo: hello\n"
        )
    return "".join(parts)


def matrix(combinations: int) -> str:
    """One job with as many combinations, four at a time, one empty stage each."""
    return (
        f"params: {{n: {{type: int, default: {combinations}}}}}\n"
        "max-parallel: 4\n"
        "jobs:\n  m:\n    strategy:\n      matrix: {i: '${{ range(params.n) }}'}\n      max-parallel: 4\n"
        "    stages:\n      - echo: hello\n"
    )
