"""The farm file: what a studio writes of its hosts, in XML or JSON (SEMANTICS 6.3, 6.4).

Either is read into one tree of elements with their lines (:mod:`.xml_file`, :mod:`.json_file`),
which :mod:`.rules` checks and makes a setup of. A file is taken whole or not at all, and all that
is wrong with it is told at once. What it means for a host is :mod:`afanasy.core.host.host_setup`.
"""
