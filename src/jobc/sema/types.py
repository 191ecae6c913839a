"""The types of expressions (ARCHITECTURE, Phases 2): `null bool int float str literal list map object datetime secret optional any`.

Contract: classes below; operations (`join`, `comparable`, `assignable`, `of_json`, `show`) are module functions.
"""
