"""The reference pages in ``docs/reference``, made from the code that they describe.

``make reference`` writes them, ``python -m afanasy.reference --check`` fails when they are not what
the code says. Each page is a module with one function ``page() -> str``.
"""
