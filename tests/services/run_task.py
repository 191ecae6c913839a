"""Runs a task of a folder as its bundle would: `python run_task.py BUNDLE --task FILE --secrets FILE --result FILE`."""

import json
import os
import sys
import zipfile

from jobc.interpreter.standalone import run_task
from jobc.interpreter.taskfile import load_task
from jobc.ir.codec import loads

bundle, _, task, _, secrets, _, result = sys.argv[1:]
program = loads(zipfile.ZipFile(bundle).read("program.json"))
with open(secrets, encoding="utf-8") as file:
    values = json.load(file)
os.unlink(secrets)
with open(task, "rb") as file:
    loaded = load_task(file.read(), secrets=values, environ=dict(os.environ), workdir=os.getcwd())
sys.exit(run_task(program, loaded, result, sys.stdout, None))
