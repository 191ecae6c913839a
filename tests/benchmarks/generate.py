"""Generated jobs files of any size, shaped like those that people write."""

from __future__ import annotations

#: The lines of one job of `large`.
LINES_PER_JOB = 26


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
