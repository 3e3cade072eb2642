"""Is it set up right, and does a message really come through? What `stockhub_doctor` finds, and says to do.

``examination`` looks from inside: settings, database, receivers, runner, spool. ``address`` looks from outside, at the
addresses that Stock Hub will be given: ``wire`` asks, ``explanations`` put what answers into words. ``letter`` writes
the mail that activates the webhooks, ``keys`` makes a key, ``text`` lays it all out.
"""

from stockhub_webhooks.operations.doctor.address import Address, NoAddress, examine_address
from stockhub_webhooks.operations.doctor.examination import examine
from stockhub_webhooks.operations.doctor.findings import Finding, Section

__all__ = ["Address", "Finding", "NoAddress", "Section", "examine", "examine_address"]
