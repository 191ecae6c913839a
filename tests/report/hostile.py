"""A run whose every text tries to become part of the page."""

_RUN = "document.title='owned'"
ATTACK = f'</script><script>{_RUN}</script><img src=x onerror="{_RUN}">' + chr(0x2028) + "'\"&amp;<!--"

#: Names of workflows and stages, values of the matrix, parameters, outputs, messages, and lines of the log.
FLOW = f"""
name: "evil </title><script>{_RUN}</script>"
params: {{word: str, key: secret}}
outputs: {{said: "${{{{ params.word }}}}"}}
jobs:
  evil:
    desc: "</style><script>{_RUN}</script>"
    strategy: {{matrix: {{word: ["${{{{ params.word }}}}", plain]}}}}
    stages:
      - id: speak
        name: "${{{{ params.word }}}}"
        run: |
          said = params.word
          print(params.word)
          print("the key is", params.key)
      - id: fail
        name: "</pre>${{{{ params.word }}}}"
        raise: "${{{{ params.word }}}}"
  after:
    needs: [evil]
    condition: "${{{{ params.word == '</svg><script>1</script>' }}}}"
    stages: [{{echo: hello}}]
"""
