"""Artifacts go in and come out, with their bytes, modes and links."""

from __future__ import annotations

import hashlib
import json

import pytest

from jobc.backends.api import Capabilities
from jobc.conformance.bench import Bench
from jobc.conformance.subject import Subject
from jobc.conformance.suite import Suite, needs
from jobc.engine.storage.store import LocalStore
from jobc.engine.storage.store import path_in as store_in


class Files(Suite):
    @pytest.fixture(autouse=True)
    def _have_artifacts(self, request: pytest.FixtureRequest) -> None:
        if "artifact" in request.node.name:
            capabilities: Capabilities = request.getfixturevalue("capabilities")
            needs(capabilities.files, "artifacts")

    def test_artifacts_of_one_job_are_there_in_another(self, bench: Bench, subject: Subject) -> None:
        result = bench.run(
            """
            jobs:
              job:
                artifacts: {out: {site: {paths: ["dist/**", "!dist/**/*.tmp"]}}}
                stages:
                  - bash: |
                      mkdir -p 'dist/ý space' dist/empty
                      printf 'one' > dist/a.txt; printf '#!/bin/sh\\necho ran\\n' > dist/run; chmod 755 dist/run
                      printf 'ü\\000\\377' > 'dist/ý space/b'; ln -s a.txt dist/link; echo no > dist/x.tmp
              next:
                needs: [job]
                artifacts: {in: {site: got}}
                stages:
                  - bash: |
                      cat got/a.txt got/link; echo; ./got/run; (cd got; printf '%s\\n' *); od -An -tx1 'got/ý space/b'
                      test -d got/empty; test -L got/link
            """
        )
        assert result.status == "success", result.to_json()
        said = [" ".join(line.split()) for line in bench.log("next")]
        assert said == ["oneone", "ran", "a.txt", "empty", "link", "run", "ý space", "c3 bc 00 ff"]
        rows = bench.rows("SELECT path, kind, mode FROM artifacts ORDER BY path")
        assert {row["path"]: row["kind"] for row in rows} == {
            "dist/a.txt": "file",
            "dist/empty": "folder",
            "dist/link": "link",
            "dist/run": "file",
            "dist/ý space/b": "file",
        }
        assert next(row["mode"] for row in rows if row["path"] == "dist/run") == 0o755
        assert subject.leftovers() == []

    def test_an_artifact_of_megabytes_is_the_same_here(self, bench: Bench) -> None:
        size = 3_000_000
        result = bench.run(
            f"""
            jobs:
              job:
                artifacts: {{out: {{big: {{paths: big}}}}}}
                stages: [{{bash: "head -c {size} /dev/zero | tr '\\\\0' z > big"}}]
            """
        )
        assert result.status == "success", result.to_json()
        digest = hashlib.sha256(b"z" * size).hexdigest()
        assert LocalStore(store_in(bench.state)).is_sound(digest)

    def test_artifacts_of_combinations_come_together(self, bench: Bench) -> None:
        result = bench.run(
            """
            jobs:
              job:
                strategy: {matrix: {n: [1, 2, 3]}, max-parallel: 3}
                artifacts: {out: {part: {paths: "part-${{ matrix.n }}"}}}
                stages: [{bash: 'echo ${{ matrix.n }} > part-${{ matrix.n }}'}]
              next:
                needs: [job]
                artifacts: {in: {part: all}}
                stages: [{bash: 'cd all; cat *'}]
            """
        )
        assert result.status == "success", result.to_json()
        assert bench.log("next") == ["1", "2", "3"]

    def test_a_missing_artifact_fails_the_job_as_here(self, bench: Bench) -> None:
        result = bench.run(
            "jobs: {job: {artifacts: {out: {site: {paths: dist}}}, stages: [{echo: nothing}]}}"
        )
        error = result.jobs["job"].combinations[0].error
        assert error is not None
        assert error.type == "files"
        assert "nothing matches `dist`" in error.message

    def test_an_artifact_with_a_secret_is_refused(self, bench: Bench) -> None:
        result = bench.run(
            """
            secrets: [TOKEN]
            jobs:
              job:
                env: {KEY: "${{ secrets.TOKEN }}"}
                artifacts: {out: {leak: {paths: leak}}}
                stages: [{bash: 'printf %s "$KEY" > leak'}]
            """,
            secrets={"TOKEN": "very-secret-value"},
        )
        assert result.status == "failed"
        assert "holds a secret" in json.dumps(result.to_json())
        store = LocalStore(store_in(bench.state))
        assert not store.is_sound(hashlib.sha256(b"very-secret-value").hexdigest())

    def test_a_job_with_a_cache_says_whether_it_was_used(
        self, bench: Bench, capabilities: Capabilities
    ) -> None:
        text = "jobs: {job: {cache: {key: '1'}, stages: [{bash: 'echo x=1 >> \"$JOBC_OUTPUT\"'}]}}"
        for is_second in (False, True):
            result = bench.run(text)
            assert result.jobs["job"].outputs == {"x": "1"}
            said = result.jobs["job"].combinations[0].cache
            assert said is not None
            assert said["hit"] == (is_second and capabilities.files)
            assert said["hit"] or said["reason"]
